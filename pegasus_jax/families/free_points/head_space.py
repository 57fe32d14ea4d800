"""The head model as the avatar sees it: its canonical state, the ghost bone, and what each vertex lends to points.

Spec sections 2.2-2.4. Canonical: jaw open by 0.4 rad, mean training expression, betas zero.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.free_points.weight_anchors import WeightAnchors, weight_anchors
from pegasus_jax.flame import lbs
from pegasus_jax.flame.canonical import canonical_pose
from pegasus_jax.flame.model import NUM_BETAS, HeadModel
from pegasus_jax.flame.normals import vertex_normals

ANY_PART = -1  # a point that may follow whatever head vertex is nearest, as published
INNER_PARTS = ("left_eyeball", "right_eyeball", "mouth_interior")  # parts 1, 2, 3; the outside of the head is 0
MOUTH_INTERIOR = 1 + INNER_PARTS.index("mouth_interior")
_CHUNK = 2048
# Hair hangs over brow and cheeks at any distance; lids, lips and nose stand off by little, eyeballs by nothing.
_HEIGHTS = {  # head units (a unit is 25 cm)
    "nose": 0.025,
    "mouth": 0.012,
    "eye_regions": 0.006,
    "lips": 0.006,
    **dict.fromkeys(INNER_PARTS, 0.002),
}
_FINENESS = {  # share of the cloud's radius
    "lips": 0.7,
    "eye_regions": 0.5,
}
_EYEBALL_FINENESS = 0.5  # of the front; the back is never seen
_MOUTH_FINENESS = 1.3  # its inside is large, dark, and seen through a small opening
_LARGEST_TURN = 0.5  # sine of the angle, 30 degrees, by which a head may turn farther than it was filmed
_EDGE_SHARE = 0.7  # a triangle's middle is 0.58 edges from its corners
_OTHER_PART = 1e3  # added to the squared distance (head units) of vertices of another part


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class HeadSpace:
    """A head model with its canonical state. V vertices."""

    head: HeadModel
    expression_c: jax.Array  # (50,) mean expression of the training frames
    pose_feature_c: jax.Array  # (36,)
    T_fc_rest: jax.Array  # (6, 4, 4): ghost bone, then the joints, at the canonical state
    vertices_fc: jax.Array  # (V, 3)
    normals_fc: jax.Array  # (V, 3), unit length
    lbs_weights: jax.Array  # (V, 6): column 0, the ghost bone, is 0
    parts: jax.Array  # (V,) int32: 0 for the outside, else 1 + the index in INNER_PARTS
    reach: jax.Array  # (V,) head units: how far along the surface a vertex lends to points; infinite where hair may be
    height: jax.Array  # (V,) head units: how far above a vertex its points may be; infinite where hair may be
    fineness: jax.Array  # (V,) share of the cloud's radius that points have here: finer around eyes and lips
    anchors: WeightAnchors  # what places off the skin are skinned by
    is_face: jax.Array  # (V,) bool: face or inner part, which move as the head model does; hair and clothes need not


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class FrameMotion:
    """One frame's head motion relative to the canonical state."""

    T_d_rest: jax.Array  # (6, 4, 4): ghost bone, then the joints
    pose_feature_delta: jax.Array  # (36,): f(theta) - f(theta_c)
    expression_delta: jax.Array  # (50,): psi - psi_c
    shape_offset: jax.Array  # (V, 3): S beta at every vertex
    blend_offset: jax.Array  # (V, 3): E (psi - psi_c) + P^T (f - f_c) at every vertex


def with_ghost_bone(transforms: jax.Array) -> jax.Array:
    """Puts the bone that never moves before the joints: (5, 4, 4) -> (6, 4, 4)."""
    return jnp.concatenate([jnp.eye(4, dtype=transforms.dtype)[None], transforms])


def head_space(head: HeadModel, expression_c: jax.Array) -> HeadSpace:
    """The canonical state of a head for a run whose mean expression is `expression_c` (50,)."""
    betas, pose = jnp.zeros(NUM_BETAS), jnp.asarray(canonical_pose())
    ghost = jnp.zeros((head.num_vertices, 1))
    vertices_fc = lbs.vertices(head, betas, expression_c, pose)
    normals_fc = vertex_normals(vertices_fc, jnp.asarray(head.faces))
    parts = vertex_parts(head)
    height = _by_region(head, _HEIGHTS, np.inf)
    lbs_weights = jnp.concatenate([ghost, jnp.asarray(head.lbs_weights)], axis=1)
    return HeadSpace(
        head=head,
        expression_c=jnp.asarray(expression_c, jnp.float32),
        pose_feature_c=lbs.pose_feature(pose),
        T_fc_rest=with_ghost_bone(lbs.joint_transforms(head, betas, expression_c, pose)),
        vertices_fc=vertices_fc,
        normals_fc=normals_fc,
        lbs_weights=lbs_weights,
        parts=jnp.asarray(parts),
        reach=jnp.asarray(_reach(head, np.asarray(vertices_fc), height)),
        height=jnp.asarray(height),
        fineness=jnp.asarray(_fineness(head, parts, np.asarray(normals_fc))),
        anchors=weight_anchors(np.asarray(vertices_fc), np.asarray(lbs_weights), parts == 0),
        is_face=jnp.asarray(_is_face(head, parts)),
    )


def vertex_parts(head: HeadModel) -> np.ndarray:
    """The part (V,) int32 of each vertex; parts that the head model does not name stay with the outside."""
    parts = np.zeros(head.num_vertices, np.int32)
    for index, name in enumerate(INNER_PARTS, start=1):
        if name in head.regions:
            parts[np.asarray(head.regions[name])] = index
    return parts


def _reach(head: HeadModel, vertices: np.ndarray, height: np.ndarray) -> np.ndarray:
    """What it takes to reach into each triangle around a vertex; hair and shoulders may go farther."""
    faces = np.asarray(head.faces)
    longest = np.zeros(head.num_vertices, np.float32)
    for corner in range(3):
        a, b = faces[:, corner], faces[:, (corner + 1) % 3]
        edge = np.linalg.norm(vertices[a] - vertices[b], axis=1)
        np.maximum.at(longest, a, edge)
        np.maximum.at(longest, b, edge)
    return np.where(np.isfinite(height), _EDGE_SHARE * longest, np.inf).astype(np.float32)


def _by_region(head: HeadModel, values: dict[str, float], elsewhere: float) -> np.ndarray:
    """(V,) float32; where regions overlap, the later entry prevails."""
    result = np.full(head.num_vertices, elsewhere, np.float32)
    for name, value in values.items():
        if name in head.regions:
            result[np.asarray(head.regions[name])] = value
    return result


def _fineness(head: HeadModel, parts: np.ndarray, normals: np.ndarray) -> np.ndarray:
    fineness = _by_region(head, _FINENESS, 1.0)
    fineness[parts > 0] = 1.0
    fineness[parts == MOUTH_INTERIOR] = _MOUTH_FINENESS
    fineness[(parts > 0) & (parts != MOUTH_INTERIOR) & (normals[:, 2] > 0.0)] = _EYEBALL_FINENESS
    return fineness


def _is_face(head: HeadModel, parts: np.ndarray) -> np.ndarray:
    is_face = parts > 0
    if "face" in head.regions:
        is_face[np.asarray(head.regions["face"])] = True
    return is_face


def point_scale(space: HeadSpace, nearest: jax.Array, part: jax.Array) -> jax.Array:
    """Share (N,) of the cloud's radius that points have, by nearest vertex; 1 for points of ANY_PART, as published."""
    return jnp.where(part == ANY_PART, 1.0, space.fineness[nearest])


def may_show(space: HeadSpace, nearest: jax.Array, part: jax.Array) -> np.ndarray:
    """(N,) bool: points that frames unlike the clip's may show, a wider open mouth or a head turned farther.

    Pruned as unseen they would be holes. Folds of lids and lips stay out of it: what they show, clips show, and points
    kept between them spoil the blink. Of points of ANY_PART nothing is known, as published.
    """
    turned_into_view = (space.normals_fc[:, 2] > -_LARGEST_TURN) & (space.fineness == 1.0)
    return np.asarray((part > 0) | ((part != ANY_PART) & turned_into_view[nearest]))


def frame_motion(space: HeadSpace, params: FlameParams) -> FrameMotion:
    """The motion of one frame."""
    head = space.head
    pose_feature_delta = lbs.pose_feature(params.pose) - space.pose_feature_c
    expression_delta = params.expression - space.expression_c
    return FrameMotion(
        T_d_rest=with_ghost_bone(lbs.joint_transforms(head, params.betas, params.expression, params.pose)),
        pose_feature_delta=pose_feature_delta,
        expression_delta=expression_delta,
        shape_offset=jnp.asarray(head.shapedirs) @ params.betas,
        blend_offset=jnp.asarray(head.exprdirs) @ expression_delta
        + jnp.einsum("kvc,k->vc", head.posedirs, pose_feature_delta),
    )


def nearest_vertices(space: HeadSpace, points_fc: jax.Array, part: jax.Array) -> jax.Array:
    """Index (N,) int32 of the canonical head vertex nearest to each point (N, 3).

    A point keeps to vertices of its own `part` (N,) int32, so that a lid does not turn into eyeball, nor a lip into
    teeth, when it moves by a millimetre; ANY_PART looks at all. Works in chunks, so that memory is O(chunk * V). No
    gradient passes.
    """
    vertices = space.vertices_fc
    half_square = 0.5 * jnp.sum(vertices**2, axis=1)

    def nearest(chunk: tuple[jax.Array, jax.Array]) -> jax.Array:
        points, part = chunk
        other = (part[:, None] != ANY_PART) & (part[:, None] != space.parts[None, :])
        distance = half_square[None, :] - points @ vertices.T + jnp.where(other, _OTHER_PART, 0.0)
        return jnp.argmin(distance, axis=1).astype(jnp.int32)

    points = jax.lax.stop_gradient(points_fc)
    count = points.shape[0]
    padding = -count % _CHUNK
    points = jnp.pad(points, ((0, padding), (0, 0))).reshape(-1, _CHUNK, 3)
    parts = jnp.pad(part, (0, padding)).reshape(-1, _CHUNK)
    return jax.lax.map(nearest, (points, parts)).reshape(-1)[:count]
