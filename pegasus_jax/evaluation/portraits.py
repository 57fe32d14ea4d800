"""Sets of pictures of one face as those see them who tell people apart: MediaPipe's landmarks, identity networks."""

import dataclasses
from collections.abc import Callable

import numpy as np

from pegasus_jax import assets
from pegasus_jax.capture import FaceDetections, detect_faces
from pegasus_jax.evaluation import identity, weights
from pegasus_jax.evaluation.face_descriptor import FaceDescriptor, adjacent_distance, descriptor_distance
from pegasus_jax.evaluation.landmark_shape import landmark_shape_identity
from pegasus_jax.evaluation.onnx_features import OnnxFeatures
from pegasus_jax.evaluation.tables import Figure
from pegasus_jax.evaluation.weights import NotComputed

LANDMARKER = "face_landmarker.task"


@dataclasses.dataclass(frozen=True)
class Portraits:
    """N pictures, seen; rows without a face are NaN."""

    faces: FaceDetections | NotComputed
    embeddings: np.ndarray | NotComputed  # (N, D) of unit length, ArcFace's
    descriptors: np.ndarray | NotComputed  # (N, 128), dlib's


@dataclasses.dataclass(frozen=True)
class Observer:
    """Who looks, as far as their files are here."""

    arcface: OnnxFeatures | NotComputed
    dlib: FaceDescriptor | NotComputed

    @classmethod
    def found(cls) -> "Observer":
        """With the files that are here."""
        return cls(weights.arcface(), weights.dlib_descriptor())

    def look(self, images: np.ndarray) -> Portraits:
        """At pictures (N, H, W, 3) in [0, 1]."""
        missing = missing_landmarker()
        if missing:
            return Portraits(missing, missing, missing)
        stored = np.round(255.0 * np.clip(images, 0.0, 1.0)).astype(np.uint8)
        faces = detect_faces(stored)
        described = self.dlib if isinstance(self.dlib, NotComputed) else self.dlib(stored, faces)
        return Portraits(faces, self._embedded(stored, faces), described)

    def _embedded(self, images: np.ndarray, faces: FaceDetections) -> np.ndarray | NotComputed:
        if isinstance(self.arcface, NotComputed):
            return self.arcface
        if not faces.found.any():
            return np.full((len(images), 1), np.nan)
        return identity.embed_faces(images, faces, self.arcface)


def missing_landmarker() -> NotComputed | None:
    """What to say where MediaPipe's face landmarker is not here."""
    return None if assets.find(LANDMARKER) else NotComputed(f"{LANDMARKER}: python launch.py assets")


def compared(portraits: Portraits, reference: Portraits) -> dict[str, Figure]:
    """Identity figures of paired pictures, and in how many pairs both have a face.

    ArcFace's is a cosine, higher is more alike; dlib's and that of the landmarks' shape are distances, lower is.
    """
    return {
        **_of_faces(portraits.faces, reference.faces),
        "dlib_distance": dlib_distance(portraits, reference),
        "arcface": _measured(identity.identity_similarity, portraits.embeddings, reference.embeddings),
    }


def dlib_distance(portraits: Portraits, reference: Portraits) -> Figure:
    """Mean distance of dlib's face descriptors of paired pictures."""
    return _measured(descriptor_distance, portraits.descriptors, reference.descriptors)


def consistency(portraits: Portraits) -> dict[str, Figure]:
    """Identity figures of a clip by itself: ArcFace's are cosines, dlib's is a distance."""
    return {
        "tl_id": _measured(identity.tl_id, portraits.embeddings),
        "tg_id": _measured(identity.tg_id, portraits.embeddings),
        "dlib_adjacent": _measured(adjacent_distance, portraits.descriptors),
    }


def _of_faces(faces: FaceDetections | NotComputed, reference: FaceDetections | NotComputed) -> dict[str, Figure]:
    for one in (faces, reference):
        if isinstance(one, NotComputed):
            return {"faces": one, "landmark_shape": one}
    assert isinstance(faces, FaceDetections) and isinstance(reference, FaceDetections)
    seen = faces.found.any() and reference.found.any()
    shape = landmark_shape_identity(faces, reference) if seen else float("nan")
    return {"faces": int((faces.found & reference.found).sum()), "landmark_shape": shape}


def _measured(metric: Callable[..., float], *arrays: np.ndarray | NotComputed) -> Figure:
    missing = next((array for array in arrays if isinstance(array, NotComputed)), None)
    return missing or metric(*arrays)
