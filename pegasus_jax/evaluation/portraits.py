"""Sets of pictures of one face as those see them who tell people apart: MediaPipe's landmarks, an identity network."""

import dataclasses

import numpy as np

from pegasus_jax import assets
from pegasus_jax.capture import FaceDetections, detect_faces
from pegasus_jax.evaluation import identity, weights
from pegasus_jax.evaluation.landmark_shape import landmark_shape_identity
from pegasus_jax.evaluation.onnx_features import OnnxFeatures
from pegasus_jax.evaluation.tables import Figure
from pegasus_jax.evaluation.weights import NotComputed

LANDMARKER = "face_landmarker.task"


@dataclasses.dataclass(frozen=True)
class Portraits:
    """N pictures, seen; rows without a face are NaN."""

    faces: FaceDetections | NotComputed
    embeddings: np.ndarray | NotComputed  # (N, D) of unit length


@dataclasses.dataclass(frozen=True)
class Observer:
    """Who looks, as far as their files are here."""

    arcface: OnnxFeatures | NotComputed

    @classmethod
    def found(cls) -> "Observer":
        """With the files that are here."""
        return cls(weights.arcface())

    def look(self, images: np.ndarray) -> Portraits:
        """At pictures (N, H, W, 3) in [0, 1]."""
        missing = missing_landmarker()
        if missing:
            return Portraits(missing, missing)
        stored = np.round(255.0 * np.clip(images, 0.0, 1.0)).astype(np.uint8)
        faces = detect_faces(stored)
        if isinstance(self.arcface, NotComputed):
            return Portraits(faces, self.arcface)
        if not faces.found.any():
            return Portraits(faces, np.full((len(images), 1), np.nan))
        return Portraits(faces, identity.embed_faces(stored, faces, self.arcface))


def missing_landmarker() -> NotComputed | None:
    """What to say where MediaPipe's face landmarker is not here."""
    return None if assets.find(LANDMARKER) else NotComputed(f"{LANDMARKER}: python launch.py assets")


def compared(portraits: Portraits, reference: Portraits) -> dict[str, Figure]:
    """Identity figures of paired pictures, and in how many pairs both have a face.

    ArcFace's is a cosine, higher is more alike; the landmarks' shape is a distance, lower is.
    """
    return {
        **_of_faces(portraits.faces, reference.faces),
        "arcface": _of_embeddings(identity.identity_similarity, portraits, reference),
    }


def consistency(portraits: Portraits) -> dict[str, Figure]:
    """Identity figures of a clip by itself."""
    return {
        "tl_id": _of_embeddings(identity.tl_id, portraits),
        "tg_id": _of_embeddings(identity.tg_id, portraits),
    }


def _of_faces(faces: FaceDetections | NotComputed, reference: FaceDetections | NotComputed) -> dict[str, Figure]:
    for one in (faces, reference):
        if isinstance(one, NotComputed):
            return {"faces": one, "landmark_shape": one}
    assert isinstance(faces, FaceDetections) and isinstance(reference, FaceDetections)
    seen = faces.found.any() and reference.found.any()
    shape = landmark_shape_identity(faces, reference) if seen else float("nan")
    return {"faces": int((faces.found & reference.found).sum()), "landmark_shape": shape}


def _of_embeddings(metric, *portraits: Portraits) -> Figure:
    arrays = [one.embeddings for one in portraits]
    missing = next((array for array in arrays if isinstance(array, NotComputed)), None)
    return missing or metric(*arrays)
