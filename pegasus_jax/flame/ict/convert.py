"""From ICT-FaceKit's light model to a head in FLAME's layout.

V kept vertices, F triangles, metres, radians; axes: x to the subject's left, y up, z out of the face. Coefficients:
100 identities with N(0, 1) coefficients, 50 named expressions in 0…1. Posing is FLAME's.
"""

import numpy as np

from pegasus_jax import progress
from pegasus_jax.flame.ict import expressions, landmarks
from pegasus_jax.flame.ict.contour import contour_rows
from pegasus_jax.flame.ict.eyeballs import shrink_eyeballs
from pegasus_jax.flame.ict.identity import ordered_basis, vertex_areas
from pegasus_jax.flame.ict.jaw import before_opening, find_hinge, jaw_posedirs, jaw_weights
from pegasus_jax.flame.ict.meshes import Topology, read_positions, read_topology
from pegasus_jax.flame.ict.published import NEUTRAL_MESH, VERTEX_INDICES, Read, mesh_file
from pegasus_jax.flame.ict.skinning import joint_regressor, skinning_weights
from pegasus_jax.flame.ict.subset import is_skin, keep, keep_offsets
from pegasus_jax.flame.ict.table import PARTS, Table, load_table
from pegasus_jax.flame.ict.uv import texture_layout
from pegasus_jax.flame.landmarks import NUM_CONTOUR
from pegasus_jax.flame.model import NUM_BETAS, PARENTS

_JOINTS = ("root", "neck", "jaw", "left_eye", "right_eye")
_TEMPLATE_GRID, _BASIS_GRID = 2.0**24, 2.0**21  # per metre: 0.06 and 0.5 micrometres, for a file of a third the size
_NO_PARENT = -1
VERSION = 1  # of what `convert` makes: a head of another version is built anew


def convert(read: Read) -> dict[str, np.ndarray]:
    """The head's arrays by FLAME's names, from a reader of the published files.

    Raises:
      UserError: a file is not one of ICT-FaceKit's.
    """
    table = load_table()
    published = read(mesh_file(NEUTRAL_MESH))
    topology = read_topology(published, source=NEUTRAL_MESH)
    neutral = read_positions(published, source=NEUTRAL_MESH)
    jaw_open = read_positions(read(mesh_file(expressions.JAW_OPEN)), source=expressions.JAW_OPEN) - neutral
    hinge = find_hinge(topology, neutral, jaw_open)
    jaw = keep(table, jaw_weights(topology, neutral, jaw_open, hinge))
    template = keep(table, neutral)
    expression = _expression_basis(read, table, neutral)
    closing = expressions.NAMES.index(expressions.MOUTH_CLOSE)
    expression[:, :, closing] = before_opening(expression[:, :, closing], jaw, hinge)
    joints = table.joints.copy()
    joints[_JOINTS.index("jaw")] = hinge.joint
    regressor = joint_regressor(template, joints, table.joint_support)
    bases = np.concatenate([_identity_basis(read, table, neutral, template), expression], axis=2)
    vertices68 = landmarks.landmark_vertices(table, read(VERTEX_INDICES), source=VERTEX_INDICES)
    return {
        "v_template": _on_grid(shrink_eyeballs(table, template, regressor), _TEMPLATE_GRID),
        "f": table.triangles.astype(np.int32),
        "shapedirs": _on_grid(shrink_eyeballs(table, bases, regressor), _BASIS_GRID),
        "posedirs": _on_grid(jaw_posedirs(template, keep_offsets(table, jaw_open), jaw, hinge), _BASIS_GRID),
        "weights": skinning_weights(table, template, jaw).astype(np.float32),
        **_skeleton(joints, regressor),
        "expression_names": np.array(expressions.NAMES),
        **_landmarks(table, vertices68),
        **_outline(table, template, vertices68),
        **_texture(topology, neutral, table),
        **_regions(table),
        "meta_name": np.array("ict_head"),
        "meta_version": np.array(VERSION),
        "meta_source": np.array("ICT-FaceKit FaceXModel, light model; MediaPipe canonical face"),
        "meta_units": np.array("metre"),
        "meta_axes": np.array("x to the subject's left, y up, z out of the face"),
        "meta_jaw_open_angle": np.array(hinge.angle, np.float32),
    }


def _identity_basis(read: Read, table: Table, neutral: np.ndarray, template: np.ndarray) -> np.ndarray:
    modes = np.empty((*template.shape, NUM_BETAS))
    for k in progress.bar(range(NUM_BETAS), desc="Identities of ICT-FaceKit", unit="mesh"):
        mesh = f"identity{k:03}"
        modes[:, :, k] = keep(table, read_positions(read(mesh_file(mesh)), source=mesh) - neutral)
    areas = np.where(is_skin(table), vertex_areas(template, table.triangles), 0.0)
    return ordered_basis(modes, areas)


def _expression_basis(read: Read, table: Table, neutral: np.ndarray) -> np.ndarray:
    basis = np.zeros((len(table.source_vertex), 3, len(expressions.NAMES)))
    for k, name in enumerate(progress.bar(expressions.NAMES, desc="Expressions of ICT-FaceKit", unit="mesh")):
        for mesh in expressions.meshes_of(name):
            basis[:, :, k] += keep_offsets(table, read_positions(read(mesh_file(mesh)), source=mesh) - neutral)
    return basis


def _skeleton(joints: np.ndarray, regressor: np.ndarray) -> dict[str, np.ndarray]:
    parents = np.array([_NO_PARENT, *PARENTS[1:]], np.int32)
    return {
        "J_regressor": regressor.astype(np.float32),
        "J": joints.astype(np.float32),
        "parents": parents,
        "kintree_table": np.stack([parents, np.arange(len(parents), dtype=np.int32)]),
        "joint_names": np.array(_JOINTS),
    }


def _landmarks(table: Table, vertices68: np.ndarray) -> dict[str, np.ndarray]:
    faces68, bary68 = landmarks.at_vertices(table.triangles, vertices68)
    faces, bary = landmarks.face_mesh(table)
    count = len(table.mediapipe_rms)
    return {
        "mediapipe_indices": np.arange(count, dtype=np.int32),
        "mediapipe_face_idx": faces[:count].astype(np.int32),
        "mediapipe_bary": bary[:count].astype(np.float32),
        "mediapipe_rms": table.mediapipe_rms.astype(np.float32),
        "mediapipe_contour": table.mediapipe_contour,
        "mediapipe_from_canonical": table.mediapipe_from_canonical,
        "iris_indices": np.arange(count, len(faces), dtype=np.int32),
        "iris_face_idx": faces[count:].astype(np.int32),
        "iris_bary": bary[count:].astype(np.float32),
        "lmk68_vertex": vertices68.astype(np.int32),
        "full_lmk_faces_idx": faces68.astype(np.int32),
        "full_lmk_bary_coords": bary68.astype(np.float32),
    }


def _outline(table: Table, template: np.ndarray, vertices68: np.ndarray) -> dict[str, np.ndarray]:
    cheeks = (table.masks["face"] & ~table.masks["ears"])[table.triangles].all(axis=1)
    faces, bary = contour_rows(template, table.triangles, np.flatnonzero(cheeks), vertices68[:NUM_CONTOUR])
    return {
        "dynamic_lmk_faces_idx": faces.astype(np.int32),
        "dynamic_lmk_bary_coords": bary.astype(np.float32),
    }


def _texture(topology: Topology, neutral: np.ndarray, table: Table) -> dict[str, np.ndarray]:
    vertices, triangles = texture_layout(topology, neutral, table)
    return {"vt": vertices.astype(np.float32), "ft": triangles.astype(np.int32)}


def _regions(table: Table) -> dict[str, np.ndarray]:
    masks = {f"mask_{name}": mask for name, mask in table.masks.items()}
    parts = {"part": table.part.astype(np.int8), "part_names": np.array(PARTS)}
    return {**masks, **parts, "source_vertex": table.source_vertex.astype(np.int32)}


def _on_grid(values: np.ndarray, per_metre: float) -> np.ndarray:
    return (np.round(values * per_metre) / per_metre).astype(np.float32)
