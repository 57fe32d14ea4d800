"""Which of several faces is the one to follow: the largest and steadiest, known again by where it was.

Posters and bystanders have tracks of their own. A face that is lost and found elsewhere is the same one if both were
never seen at once and are about as large.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from pegasus_jax.capture.face_landmarks import NUM_MESH_POINTS, FaceDetections, missing_face, stack_detections

_SAME = 0.2  # overlap (intersection over union) with where a face was last
_MOST_GAP = 15  # pictures without it until a face may be anywhere
_MIXED = 0.1  # overlap of two faces in one picture from which on they cannot be told apart
_ABOUT_AS_LARGE = 2.5  # ratio of areas
_RIVAL = 0.7  # share of the main face's area, over the whole clip, from which on another one may be meant


@dataclasses.dataclass(frozen=True)
class Followed:
    """One face of a clip of F pictures."""

    detections: FaceDetections  # F rows; `counts` is 0 without the face, 1 with it, more where it is ambiguous
    choices: np.ndarray  # (F,) int: which of the picture's faces it is, -1 for none
    others: np.ndarray  # (F,) bool: other faces are in the picture


@dataclasses.dataclass
class _Track:
    box: np.ndarray  # (4,) where it was last: left, top, right, bottom
    last: int  # picture
    members: dict[int, int]  # picture: which of its faces
    areas: list[float]

    @property
    def weight(self) -> float:
        return sum(self.areas)

    @property
    def size(self) -> float:
        return float(np.median(self.areas))


def follow_face(pictures: Sequence[FaceDetections]) -> Followed:
    """Follows a face through pictures, each given by all faces that are in it: `FaceDetector.detect_all`."""
    boxes = [face_boxes(faces.landmarks) for faces in pictures]
    main, others = _told_apart(_tracks(boxes))
    rivals = {picture for track in others if track.weight >= _RIVAL * main.weight for picture in track.members}
    choices = np.full(len(pictures), -1)
    counts = np.zeros(len(pictures), int)
    for picture, face in main.members.items():
        choices[picture], counts[picture] = face, 1
        overlaps = overlap(boxes[picture][face], np.delete(boxes[picture], face, axis=0))
        if picture in rivals or (overlaps > _MIXED).any():
            counts[picture] = len(boxes[picture])
    rows = [faces[face : face + 1] if face >= 0 else missing_face() for faces, face in zip(pictures, choices.tolist())]
    numbers = np.array([len(found) for found in boxes], int)
    joined = dataclasses.replace(stack_detections(rows), counts=counts)
    return Followed(joined, choices, numbers > (choices >= 0))


def same_face(faces: FaceDetections, last: FaceDetections) -> FaceDetections:
    """Of the faces in one picture the one that was seen `last` (F = 1), by where it was, else the largest: F = 1."""
    if not len(faces.counts):
        return missing_face()
    boxes = face_boxes(faces.landmarks)
    row = int(np.argmax(_area(boxes)))
    if last.found[0]:
        overlaps = overlap(face_boxes(last.landmarks)[0], boxes)
        row = int(np.argmax(overlaps)) if overlaps.max() >= _SAME else row
    return faces[row : row + 1]


def face_boxes(landmarks: np.ndarray) -> np.ndarray:
    """(N, 4) left, top, right and bottom of faces (N, 478, 3)."""
    points = landmarks[:, :NUM_MESH_POINTS, :2]
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N,) intersection over union of a box (4,) with others (N, 4)."""
    inner = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(inner, 0.0), axis=1)
    return shared / (_area(box) + _area(others) - shared)


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 1e-6), axis=-1)


def _tracks(boxes: Sequence[np.ndarray]) -> list[_Track]:
    """Every face that was seen, by where it was: pairs that overlap most are joined first."""
    tracks: list[_Track] = []
    near: list[_Track] = []
    for picture, found in enumerate(boxes):
        near = [track for track in near if picture - track.last <= _MOST_GAP]
        pairs = [(value, t, f) for t, track in enumerate(near) for f, value in enumerate(overlap(track.box, found))]
        free, taken = set(range(len(found))), set()
        for value, t, f in sorted(pairs, reverse=True):
            if value >= _SAME and f in free and t not in taken:
                free.remove(f)
                taken.add(t)
                near[t].box, near[t].last = found[f], picture
                near[t].members[picture] = f
                near[t].areas.append(float(_area(found[f])))
        new = [_Track(found[f], picture, {picture: f}, [float(_area(found[f]))]) for f in sorted(free)]
        tracks += new
        near += new
    return tracks


def _told_apart(tracks: list[_Track]) -> tuple[_Track, list[_Track]]:
    """The main face, with all that it was seen as; and the others."""
    first, *rest = sorted(tracks, key=lambda track: -track.weight) or [_Track(np.zeros(4), 0, {}, [])]
    main, others = dataclasses.replace(first, members=dict(first.members), areas=list(first.areas)), []
    for track in rest:
        together = any(picture in main.members for picture in track.members)
        if not together and 1 / _ABOUT_AS_LARGE <= track.size / first.size <= _ABOUT_AS_LARGE:
            main.members.update(track.members)
            main.areas += track.areas
        else:
            others.append(track)
    return main, others
