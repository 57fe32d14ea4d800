"""MediaPipe's face landmarks, expression scores and head pose, picture by picture."""

import dataclasses
import types
from collections.abc import Iterable, Sequence

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from pegasus_jax import native_logs
from pegasus_jax.capture.model_files import find_model

NUM_LANDMARKS = 478
NUM_MESH_POINTS = 468  # the face mesh proper; the last ten are the irises
RIGHT_IRIS, LEFT_IRIS = 468, 473  # iris centres; right is the subject's right
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263  # outer corners of the eyes
_MAX_FACES = 3

BLENDSHAPE_NAMES = tuple(
    [
        "_neutral",
        "browDownLeft",
        "browDownRight",
        "browInnerUp",
        "browOuterUpLeft",
        "browOuterUpRight",
        "cheekPuff",
        "cheekSquintLeft",
        "cheekSquintRight",
        "eyeBlinkLeft",
        "eyeBlinkRight",
        "eyeLookDownLeft",
        "eyeLookDownRight",
        "eyeLookInLeft",
        "eyeLookInRight",
        "eyeLookOutLeft",
        "eyeLookOutRight",
        "eyeLookUpLeft",
        "eyeLookUpRight",
        "eyeSquintLeft",
        "eyeSquintRight",
        "eyeWideLeft",
        "eyeWideRight",
        "jawForward",
        "jawLeft",
        "jawOpen",
        "jawRight",
        "mouthClose",
        "mouthDimpleLeft",
        "mouthDimpleRight",
        "mouthFrownLeft",
        "mouthFrownRight",
        "mouthFunnel",
        "mouthLeft",
        "mouthLowerDownLeft",
        "mouthLowerDownRight",
        "mouthPressLeft",
        "mouthPressRight",
        "mouthPucker",
        "mouthRight",
        "mouthRollLower",
        "mouthRollUpper",
        "mouthShrugLower",
        "mouthShrugUpper",
        "mouthSmileLeft",
        "mouthSmileRight",
        "mouthStretchLeft",
        "mouthStretchRight",
        "mouthUpperUpLeft",
        "mouthUpperUpRight",
        "noseSneerLeft",
        "noseSneerRight",
    ]
)


@dataclasses.dataclass(frozen=True)
class FaceDetections:
    """What was found in F pictures; of several faces one. Rows without a face are NaN."""

    counts: np.ndarray  # (F,) int: faces found
    landmarks: np.ndarray  # (F, 478, 3) float32: x right, y down in pixels; z in pixels, smaller is nearer
    blendshapes: np.ndarray  # (F, 52) float32 in [0, 1], in the order of `BLENDSHAPE_NAMES`
    poses: np.ndarray  # (F, 4, 4) float32: canonical face (cm, y up, z to the viewer) to camera

    @property
    def found(self) -> np.ndarray:
        """(F,) bool: at least one face."""
        return self.counts > 0

    def score(self, name: str) -> np.ndarray:
        """(F,) the blendshape score called `name`, for example "jawOpen"."""
        return self.blendshapes[:, BLENDSHAPE_NAMES.index(name)]

    def __getitem__(self, rows: np.ndarray | slice) -> "FaceDetections":
        """The detections of a subset of the pictures."""
        return FaceDetections(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


class FaceDetector:
    """The face landmarker, open; a context manager, because MediaPipe's objects must be closed.

    Every picture is taken by itself: MediaPipe's video mode smooths its points, so that they lag behind the head.

    Raises:
        UserError: the landmarker's model file is missing and cannot be fetched.
    """

    def __init__(self):
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(find_model("face_landmarker.task"))),
            num_faces=_MAX_FACES,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        with native_logs.hidden():
            self._landmarker = vision.FaceLandmarker.create_from_options(options)

    def __enter__(self) -> "FaceDetector":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._landmarker.close()

    def detect(self, image: np.ndarray) -> FaceDetections:
        """The largest face in one picture (H, W, 3) uint8 RGB, as detections of F = 1."""
        faces = self.detect_all(image)
        if not len(faces.counts):
            return missing_face()
        largest = int(np.argmax(np.prod(np.ptp(faces.landmarks[..., :2], axis=1), axis=-1)))
        return faces[largest : largest + 1]

    def detect_all(self, image: np.ndarray) -> FaceDetections:
        """All faces in one picture (H, W, 3) uint8 RGB, a row for each; `counts` says in every row how many."""
        height, width = image.shape[:2]
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
        result = self._landmarker.detect(picture)
        if not result.face_landmarks:
            return missing_face()[:0]
        faces = np.array([[(p.x, p.y, p.z) for p in face] for face in result.face_landmarks])
        faces *= np.array([width, height, width])  # MediaPipe measures z in image widths
        scores = [{entry.category_name: entry.score for entry in face} for face in result.face_blendshapes]
        return FaceDetections(
            counts=np.full(len(faces), len(faces)),
            landmarks=faces.astype(np.float32),
            blendshapes=np.array([[face[name] for name in BLENDSHAPE_NAMES] for face in scores], np.float32),
            poses=np.asarray(result.facial_transformation_matrixes, np.float32),
        )


def detect_faces(images: Iterable[np.ndarray]) -> FaceDetections:
    """The faces in pictures (H, W, 3) uint8 RGB: an array (F, H, W, 3) or any iterable, consumed one by one.

    Raises:
        UserError: the landmarker's model file is missing and cannot be fetched.
    """
    with FaceDetector() as detector:
        return stack_detections([detector.detect(image) for image in images])


def stack_detections(parts: Sequence[FaceDetections]) -> FaceDetections:
    """Detections of one clip from those of its pictures."""
    parts = [missing_face()[:0], *parts]
    names = [field.name for field in dataclasses.fields(FaceDetections)]
    return FaceDetections(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def eye_distance(landmarks: np.ndarray) -> np.ndarray:
    """(*,) distance in pixels between the outer eye corners of `landmarks` (*, 478, 2 or more)."""
    corners = landmarks[..., RIGHT_EYE_OUTER, :2] - landmarks[..., LEFT_EYE_OUTER, :2]
    return np.linalg.norm(corners, axis=-1)


def missing_face() -> FaceDetections:
    """What is found in a picture without a face: F = 1."""
    return FaceDetections(
        counts=np.zeros(1, np.int64),
        landmarks=np.full((1, NUM_LANDMARKS, 3), np.nan, np.float32),
        blendshapes=np.full((1, len(BLENDSHAPE_NAMES)), np.nan, np.float32),
        poses=np.full((1, 4, 4), np.nan, np.float32),
    )
