"""The head model as arrays: FLAME's layout at any vertex count.

Axes: x to the subject's left, y up, z out of the face. Unit: head units (metres x 4), the scale of the
published code. Angles are radians. Joint order: root, neck, jaw, left eye, right eye (left is the
subject's left).
"""

import dataclasses

import jax
import numpy as np

NUM_BETAS = 100
NUM_EXPRESSION = 50
NUM_JOINTS = 5
NUM_POSE_FEATURES = 36
POSE_SIZE = 15
PARENTS = (-1, 0, 1, 1, 1)
HEAD_UNITS_PER_METRE = 4.0

# Slices of the 15 pose numbers: axis-angle, radians.
GLOBAL, NECK, JAW, LEFT_EYE, RIGHT_EYE = (slice(3 * j, 3 * j + 3) for j in range(5))
JAW_OPEN = 6  # rotation about x; positive opens the mouth


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Embedding:
    """Points on the mesh: each lies on one triangle."""

    faces_idx: np.ndarray  # (L,) int32: row of `HeadModel.faces`
    bary: np.ndarray  # (L, 3) float32: barycentric coordinates, sum to 1


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TextureLayout:
    """The mesh laid out in the unit square: u points right, v up. A vertex on a seam has several places in it."""

    vertices: np.ndarray  # (T, 2) float32
    triangles: np.ndarray  # (F, 3) int32: rows of `vertices`, corner by corner those of `HeadModel.faces`


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class HeadModel:
    """A head in FLAME's layout. V vertices, F triangles; arrays are float32 unless said, in head units."""

    v_template: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3) int32, counter-clockwise seen from outside
    shapedirs: np.ndarray  # (V, 3, 100): offset per unit of each beta
    exprdirs: np.ndarray  # (V, 3, 50): offset per unit of each expression coefficient
    posedirs: np.ndarray  # (36, V, 3): offset per unit of the pose feature
    J_regressor: np.ndarray  # (5, V), unitless
    lbs_weights: np.ndarray  # (V, 5), rows sum to 1
    lmk68: Embedding  # iBUG-68: 17 static contour points, then 51 inner points
    contour: Embedding | None  # 79 x 17 view-dependent contour rows: faces_idx (79, 17), bary (79, 17, 3)
    mediapipe: Embedding | None  # M face-mesh points
    iris: Embedding | None  # 10 iris points: MediaPipe indices 468..477 (468 right centre, 473 left centre)
    regions: dict[str, np.ndarray]  # name -> (V,) bool
    uv: TextureLayout | None = None
    mediapipe_indices: tuple[int, ...] = dataclasses.field(metadata={"static": True}, default=())
    mediapipe_contour: tuple[bool, ...] = dataclasses.field(metadata={"static": True}, default=())
    expression_names: tuple[str, ...] = dataclasses.field(metadata={"static": True}, default=())
    shape_names: tuple[str, ...] = dataclasses.field(metadata={"static": True}, default=())
    name: str = dataclasses.field(metadata={"static": True}, default="")
    sha256: str = dataclasses.field(metadata={"static": True}, default="")  # of the file's bytes, or of a version

    @property
    def num_vertices(self) -> int:
        """V."""
        return self.v_template.shape[0]
