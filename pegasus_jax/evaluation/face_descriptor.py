"""Is it still the same person? dlib's face descriptor: 128 numbers a face, near each other for one person.

King 2017, "High Quality Face Recognition with Deep Metric Learning": a ResNet trained on photographs so that two faces
of one person are less than 0.6 apart. It is not ArcFace and never stands under that name. The network and the
predictor of five landmarks, both in the public domain, are files of the package `face_recognition_models`. That
package is not imported, as it wants setuptools' `pkg_resources`; its predictor of 68 landmarks, which is not for
commercial use, is never opened.
"""

import importlib.util
import os
import pathlib

import numpy as np

from pegasus_jax.capture.face_landmarks import NUM_MESH_POINTS, FaceDetections

SAME_PERSON = 0.6  # the distance below which the network's author takes two photographs to be of one person

NETWORK_FILE = "dlib_face_recognition_resnet_model_v1.dat"
PREDICTOR_FILE = "shape_predictor_5_face_landmarks.dat"
_MODELS_PACKAGE = "face_recognition_models"
_CHIP_SIDE, _CHIP_PADDING = 150, 0.25  # pixels, and of the face's size on each side: what the network was trained on


class FaceDescriptor:
    """The network with its predictor, loaded: a function from pictures with their faces to descriptors.

    Args:
        folder: that of the two files, such as `models_folder`.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        import dlib

        folder = pathlib.Path(folder)
        self._chips_of, self._rectangle = dlib.get_face_chip, dlib.rectangle
        self._network = dlib.face_recognition_model_v1(str(folder / NETWORK_FILE))
        self._predictor = dlib.shape_predictor(str(folder / PREDICTOR_FILE))

    def __call__(self, images: np.ndarray, faces: FaceDetections) -> np.ndarray:
        """(N, 128) descriptors of the faces found in `images` (N, H, W, 3) uint8; NaN where there is none.

        A face is cut out by dlib's own five landmarks, looked for in the box around MediaPipe's.
        """
        described = np.full((len(images), 128), np.nan)
        for row in np.flatnonzero(faces.found):
            image = np.ascontiguousarray(images[row])
            shape = self._predictor(image, self._box(faces.landmarks[row]))
            chip = self._chips_of(image, shape, size=_CHIP_SIDE, padding=_CHIP_PADDING)
            described[row] = self._network.compute_face_descriptor(chip)
        return described

    def _box(self, landmarks: np.ndarray):
        mesh = landmarks[:NUM_MESH_POINTS, :2]
        left, top, right, bottom = (round(float(edge)) for edge in (*mesh.min(axis=0), *mesh.max(axis=0)))
        return self._rectangle(left, top, right, bottom)


def models_folder() -> pathlib.Path | None:
    """Where the installed package `face_recognition_models` keeps its files; None without it or without dlib."""
    package = importlib.util.find_spec(_MODELS_PACKAGE)
    if package is None or not package.submodule_search_locations or importlib.util.find_spec("dlib") is None:
        return None
    return pathlib.Path(package.submodule_search_locations[0]) / "models"


def descriptor_distance(descriptors: np.ndarray, target: np.ndarray) -> float:
    """Mean Euclidean distance of paired descriptors (N, 128): below `SAME_PERSON` they are of one person.

    Pairs in which one has no face are left out; NaN if none is left.
    """
    distances = np.linalg.norm(descriptors - target, axis=1)
    known = distances[np.isfinite(distances)]
    return float(known.mean()) if known.size else float("nan")


def adjacent_distance(descriptors: np.ndarray) -> float:
    """Mean distance of each frame's descriptor (F, 128) to the next one's: does the person change at once?"""
    return descriptor_distance(descriptors[1:], descriptors[:-1])
