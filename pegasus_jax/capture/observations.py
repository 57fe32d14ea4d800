"""What the fit sees of a clip: landmark targets, gaze targets and expression scores, matched to a head model."""

import dataclasses

import jax
import numpy as np

from pegasus_jax.capture.face_landmarks import BLENDSHAPE_NAMES, NUM_MESH_POINTS, FaceDetections, eye_distance
from pegasus_jax.flame.model import NUM_EXPRESSION, Embedding, HeadModel

# MediaPipe's usual partners of the 68 iBUG points.
# fmt: off
MEDIAPIPE_OF_68 = (
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,  # face oval
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 75, 97, 2, 326, 305,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lips
    78, 82, 13, 312, 308, 317, 14, 87,  # inner lips
)
# fmt: on
_NUM_CONTOUR_68 = 17
_CONTOUR_WEIGHT = 0.1  # the face oval slides over the head as it turns
_LID_PAIRS = ((159, 145), (160, 144), (158, 153), (386, 374), (387, 373), (385, 380))  # upper, lower
_LIP_PAIRS = ((13, 14), (82, 87), (312, 317))
_GAZE_SCORES = {
    "eyesLookLeft": ("eyeLookOutLeft", "eyeLookInRight"),
    "eyesLookRight": ("eyeLookInLeft", "eyeLookOutRight"),
}


@dataclasses.dataclass(frozen=True)
class LandmarkMap:
    """Which points of the head are which of MediaPipe's 478."""

    embedding: Embedding  # L points on the head
    indices: np.ndarray  # (L,) MediaPipe index of each
    weights: np.ndarray  # (L,) trust in each, 1 at most
    iris: Embedding | None  # 10 points, MediaPipe's 468…477

    @property
    def pairs(self) -> np.ndarray:
        """(K, 2) rows of the embedding: the upper and the lower point across an eye or the mouth."""
        row = {index: row for row, index in enumerate(self.indices.tolist())}
        known = [(row[a], row[b]) for a, b in _LID_PAIRS + _LIP_PAIRS if a in row and b in row]
        return np.array(known, np.int32).reshape(-1, 2)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Observations:
    """Targets per frame; positions and lengths in crop sides."""

    landmarks: np.ndarray  # (F, L, 2)
    iris: np.ndarray  # (F, 10, 2)
    scale: np.ndarray  # (F,): distance between the outer eye corners, smallest over the head's turns
    scores: np.ndarray  # (F, 50): expression scores in 0…1, zero where unknown
    jaw_open: np.ndarray  # (F,): MediaPipe's jawOpen


def landmark_map(head: HeadModel) -> LandmarkMap:
    """The head's face-mesh embedding where it has one, else its 68 landmarks with their usual partners."""
    if head.mediapipe is not None:
        contour = np.array(head.mediapipe_contour or np.zeros(len(head.mediapipe_indices)), bool)
        weights = np.where(contour, _CONTOUR_WEIGHT, 1.0)
        return LandmarkMap(head.mediapipe, np.array(head.mediapipe_indices), weights, head.iris)
    weights = np.where(np.arange(len(MEDIAPIPE_OF_68)) < _NUM_CONTOUR_68, _CONTOUR_WEIGHT, 1.0)
    return LandmarkMap(head.lmk68, np.array(MEDIAPIPE_OF_68), weights, head.iris)


def observe(detections: FaceDetections, side: int, points: LandmarkMap, head: HeadModel) -> Observations:
    """Targets from `detections` in pixels of a crop of `side` pixels; every frame must have a face."""
    landmarks = detections.landmarks[..., :2] / side
    return Observations(
        landmarks=landmarks[:, points.indices].astype(np.float32),
        iris=landmarks[:, NUM_MESH_POINTS:].astype(np.float32),
        # One unit for the clip: an eye distance per frame would weigh turned heads more.
        scale=np.full(len(landmarks), np.median(eye_distance(landmarks)), np.float32),
        scores=_scores(detections, head.expression_names),
        jaw_open=detections.score("jawOpen"),
    )


def _scores(detections: FaceDetections, names: tuple[str, ...]) -> np.ndarray:
    scores = np.zeros((len(detections.counts), NUM_EXPRESSION), np.float32)
    for column, name in enumerate(names):
        for source in _score_names(name):
            scores[:, column] += detections.score(source) / len(_score_names(name))
    return scores


def _score_names(name: str) -> tuple[str, ...]:
    """MediaPipe's scores for an expression of a head that uses ARKit's vocabulary; none for other names."""
    if name in _GAZE_SCORES:
        return _GAZE_SCORES[name]
    stem, _, half = name.partition("_")
    sided = stem + {"L": "Left", "R": "Right"}.get(half, half)
    return tuple(candidate for candidate in (sided, stem) if candidate in BLENDSHAPE_NAMES)[:1]
