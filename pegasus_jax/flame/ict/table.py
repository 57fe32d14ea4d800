"""What was made by hand for the open head, and cannot be computed from ICT-FaceKit's meshes: one small file of numbers.

Vertices are ICT's own (of 26719) where the name says so, else rows of the kept ones. `table.npz` was written by
`tests/flame/ict/derive_table.py` from the first open head.
"""

import dataclasses
import functools
import importlib.resources

import numpy as np

PARTS = (
    "face_skin",
    "head_neck_skin",
    "mouth_socket",
    "left_eye_socket",
    "right_eye_socket",
    "gums_tongue",
    "teeth",
    "left_eyeball",
    "right_eyeball",
)
EYEBALL_JOINTS = {"left_eyeball": 3, "right_eyeball": 4}


@dataclasses.dataclass(frozen=True)
class Table:
    """V kept vertices, F triangles."""

    source_vertex: np.ndarray  # (V,) ICT's vertex, ascending
    triangles: np.ndarray  # (F, 3) kept vertices, counter-clockwise from outside: ICT's surface, thinned
    part: np.ndarray  # (V,) index into `PARTS`
    rim_vertex: np.ndarray  # (R,) kept vertices near the neck's cut, smoothed: ...
    rim_from: np.ndarray  # (R, K) kept vertices of which each is a weighted mean ...
    rim_weights: np.ndarray  # (R, K) rows sum to 1
    joints: np.ndarray  # (5, 3) metres: root, neck, jaw (not used: it is computed), left eye, right eye
    joint_support: np.ndarray  # (5, V) bool: vertices that a joint may be read from
    masks: dict[str, np.ndarray]  # name -> (V,) bool
    mediapipe_triangle: np.ndarray  # (478, 3) ICT's vertices around each face-mesh point, irises included
    mediapipe_bary: np.ndarray  # (478, 3) barycentric coordinates there
    mediapipe_rms: np.ndarray  # (468,) residual in % of the eye distance on the clips they were tuned on
    mediapipe_contour: np.ndarray  # (468,) bool: points of the face oval, which slide with the view
    mediapipe_from_canonical: np.ndarray  # (468,) bool: carried over from MediaPipe's canonical face


@functools.cache
def load_table() -> Table:
    """The table that comes with the package."""
    with importlib.resources.files(__package__).joinpath("table.npz").open("rb") as file, np.load(file) as stored:
        arrays = dict(stored)
    num_vertices = len(arrays["source_vertex"])
    names, masks = arrays.pop("mask_names"), _unpacked(arrays.pop("masks"), num_vertices)
    support = _unpacked(arrays.pop("joint_support"), num_vertices)
    wide = {name: array.astype(np.int64) for name, array in arrays.items() if array.dtype.kind in "iu"}
    real = {name: array.astype(np.float64) for name, array in arrays.items() if array.dtype.kind == "f"}
    return Table(**(arrays | wide | real), masks=dict(zip(names.tolist(), masks)), joint_support=support)


def _unpacked(bits: np.ndarray, count: int) -> np.ndarray:
    return np.unpackbits(bits, axis=1, count=count).astype(bool)
