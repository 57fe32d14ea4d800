"""The landmark fit of one picture after another, as they come: what `fit` does for a whole clip at once."""

import dataclasses

import numpy as np

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.crop import head_crop
from pegasus_jax.capture.face_landmarks import FaceDetections
from pegasus_jax.capture.fit import ClipPriors, fit_landmarks, shared_prior
from pegasus_jax.capture.initial import initial_track
from pegasus_jax.capture.landmark_term import LandmarkWeights, landmark_terms
from pegasus_jax.capture.minimise import Stage, minimise
from pegasus_jax.capture.observations import landmark_map, observe
from pegasus_jax.capture.track import FRAME_SIZE, SHARED_SIZE, Track
from pegasus_jax.flame.model import HeadModel

_SIDE = 512  # pixels that a crop counts as; only their ratio matters
_STAGE = Stage(np.ones(FRAME_SIZE, bool), np.zeros(SHARED_SIZE, bool), iterations=3, tolerance=1e-2)
_NO_STEPS = np.zeros((0, FRAME_SIZE))  # one frame has no neighbours to be like


class Follower:
    """Follows one face. Shape and focal length come from a few pictures at the start, in which it keeps still."""

    def __init__(self, head: HeadModel, start: FaceDetections, *, frame_size: tuple[int, int], fps: float):
        """`start`: a face in each of a few pictures of `frame_size` (H, W) pixels, taken at a rate of `fps`."""
        self._head = head
        self._points = landmark_map(head)
        self._terms = landmark_terms(head, self._points, LandmarkWeights())
        self._crop = head_crop(start.landmarks, frame_size)
        fitted = fit_landmarks(head, self._cropped(start), np.arange(len(start.counts)) / fps, side=_SIDE)
        self._shared = fitted.shared
        self._row: np.ndarray | None = None
        self.neutral = Track(np.median(fitted.frames, axis=0)[None], fitted.shared)

    def fit(self, seen: FaceDetections) -> Track:
        """The track of one picture, which must show a face; it starts from the one before."""
        seen = self._cropped(seen)
        start = Track(self._guess(seen)[None], self._shared)
        term = self._terms(observe(seen, _SIDE, self._points, self._head))
        prior = shared_prior(1, ClipPriors())
        track = minimise(start, [term], smoothness=_NO_STEPS, shared_prior=prior, stage=_STAGE)
        self._row = track.frames[0]
        return track

    def lose(self) -> None:
        """The face was not to be seen: the next one may be anywhere."""
        self._row = None

    def _guess(self, seen: FaceDetections) -> np.ndarray:
        if self._row is not None:
            return self._row
        focal = Track(self.neutral.frames, self._shared).focal
        row = self.neutral.frames[0].copy()
        rigid = initial_track(self._head, self._points, seen, _SIDE, focal).frames[0]
        for moved in (columns.NECK, columns.PLACEMENT):
            row[moved] = rigid[moved]
        return row

    def _cropped(self, seen: FaceDetections) -> FaceDetections:
        return dataclasses.replace(seen, landmarks=self._crop.to_crop(seen.landmarks, _SIDE))
