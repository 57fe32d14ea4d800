"""From pictures of anybody's face, as they come, to the pose and expression of an avatar.

What counts is the difference to the face's own rest, which the first pictures show: a driver whose mouth is always a
little open does not open the avatar's.
"""

import types

import numpy as np
from scipy.spatial.transform import Rotation

from pegasus_jax.capture.face_landmarks import FaceDetections, FaceDetector, missing_face, stack_detections
from pegasus_jax.capture.follow import Follower
from pegasus_jax.capture.one_face import same_face
from pegasus_jax.capture.track import Track
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.flame.model import NECK, POSE_SIZE, HeadModel
from pegasus_jax.viewer.one_euro import OneEuro

_REST_PICTURES = 8
_CALM, _QUICK = 1.5, 4.0  # Hz, and Hz per radian or unit of expression a second
_PACE = 0.9  # share of the last duration that stays in the mean


class Performer:
    """Watches a face and says what the avatar does; a context manager, because MediaPipe's objects must be closed.

    Raises:
        UserError: MediaPipe's model file is missing and cannot be fetched.
    """

    def __init__(self, head: HeadModel, expression_c: np.ndarray, betas: np.ndarray):
        """`expression_c` (50,) is the avatar's expression while the face rests, `betas` (100,) its shape."""
        self._head = head
        self._expression_c, self._betas = np.asarray(expression_c), np.asarray(betas)
        self._detector = FaceDetector()
        self._rate = _Rate()
        self._sees_a_face = True
        self.rest()

    def __enter__(self) -> "Performer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._detector.__exit__(kind, error, trace)

    def rest(self) -> None:
        """Takes the next pictures as the face at rest."""
        self._start: list[FaceDetections] = []
        self._follower: Follower | None = None
        self._last = missing_face()

    @property
    def status(self) -> str:
        """In words, for the one who sits before the camera."""
        if not self._sees_a_face:
            return "no face in the picture"
        if self._follower is None:
            return f"look straight ahead, relaxed: {len(self._start)} of {_REST_PICTURES} pictures"
        return f"{self._rate.per_second:.1f} frames/s"

    def see(self, image: np.ndarray, seconds: float) -> FlameParams | None:
        """What the avatar does after a picture (H, W, 3) uint8 RGB; None while there is no face or no rest yet."""
        self._rate.tick(seconds)
        seen = same_face(self._detector.detect_all(image), self._last)
        self._last = seen
        self._sees_a_face = bool(seen.found[0])
        if not self._sees_a_face:
            if self._follower is not None:
                self._follower.lose()
            return None
        if self._follower is None:
            self._gather(seen, image.shape[:2])
            return None
        drive = self._relative(self._follower.fit(seen))
        smooth = self._filter(np.concatenate([drive.pose, drive.expression]), seconds)
        pose, expression = np.split(smooth.astype(np.float32), [POSE_SIZE])
        return FlameParams(self._betas, expression, pose)

    def _gather(self, seen: FaceDetections, frame_size: tuple[int, int]) -> None:
        self._start.append(seen)
        if len(self._start) == _REST_PICTURES:
            start = stack_detections(self._start)
            fps = max(self._rate.per_second, 1.0)
            self._follower = Follower(self._head, start, frame_size=frame_size, fps=fps)
            self._follower.fit(seen)  # compiles, which belongs to the start and not to the frames a second
            self._filter = OneEuro(calm=_CALM, quick=_QUICK)
            self._rate = _Rate()

    def _relative(self, track: Track) -> FlameParams:
        """The difference to the face at rest; turns of the head are the camera's, whichever way it rested."""
        assert self._follower is not None
        neutral = self._follower.neutral
        pose = track.pose[0] - neutral.pose[0]
        turned, rested = (Rotation.from_rotvec(one.pose[0, NECK]) for one in (track, neutral))
        pose[NECK] = (turned * rested.inv()).as_rotvec()
        expression = self._expression_c + track.expression[0] - neutral.expression[0]
        return FlameParams(self._betas, expression, pose)


class _Rate:
    """How many pictures come in a second, of late."""

    def __init__(self):
        self._last: float | None = None
        self._period = 0.0

    def tick(self, seconds: float) -> None:
        if self._last is not None:
            period = seconds - self._last
            self._period = period if not self._period else _PACE * self._period + (1 - _PACE) * period
        self._last = seconds

    @property
    def per_second(self) -> float:
        return 1.0 / self._period if self._period > 0 else 0.0
