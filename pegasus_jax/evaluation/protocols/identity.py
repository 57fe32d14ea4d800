"""Is it still the same person after an edit? Every look against the person as filmed, in the same unseen poses.

Main tables 1 and 2: the papers compare with a PointAvatar of the target by ArcFace; for it stands the avatar as filmed.
The first row compares the avatar as filmed with the frames themselves: what reconstruction leaves of an identity.
"""

import dataclasses

import numpy as np

from pegasus_jax.evaluation.face_colours import colour_similarity, face_colours
from pegasus_jax.evaluation.portraits import Observer, Portraits, compared, dlib_distance
from pegasus_jax.evaluation.protocols.protocol import check_counts
from pegasus_jax.evaluation.reconstruction import render_drive
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table
from pegasus_jax.evaluation.weights import NotComputed

_ABOUT = (
    "Renders at held-out poses against the person as filmed in the same pose; the person as filmed against the frames. "
    "Frames in which both have a face: the distance of mean landmark shapes, the mean distance of dlib's face "
    "descriptors (lower is more alike; photographs of one person are less than 0.6 apart), a mean cosine (ArcFace), "
    "and how much of its colours the middle of the face keeps around what was edited (1 is all). dlib_to_frames: the "
    "descriptors' distance to the frames themselves, as filmed before any edit, under a look after it."
)


@dataclasses.dataclass(frozen=True)
class Identity:
    """Settings."""

    frames: int = 24  # held-out frames of the driving clip, at equal distances
    image_size: int = 256  # pixels: side of the pictures that are looked at

    def __post_init__(self):
        check_counts(self, "frames", "image_size")

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Identity: rows by look."""
        observer = Observer.found()
        rows = subject.rows(subject.driver, count=self.frames)
        drive = subject.drive(subject.driver, rows, image_size=self.image_size)
        pictures = np.asarray(subject.frames(subject.driver, rows, image_size=self.image_size).over_white())

        def seen(images: np.ndarray) -> _Seen:
            return _Seen(images, observer.look(images))

        frames, plain = seen(pictures), seen(render_drive(subject.as_filmed(), drive).image)
        found = [Row(("as filmed",), _figures(plain, frames, frames, part=None))]
        trained = subject.avatar.trained_looks
        for look, category in zip(trained.names[1:], trained.categories):
            worn = seen(render_drive(subject.avatar.bake(subject.avatar.latent(look)), drive).image)
            found.append(Row((look,), _figures(worn, plain, frames, part=category)))
        return {"identity": Table(_ABOUT, ("look",), tuple(found))}


@dataclasses.dataclass(frozen=True)
class _Seen:
    images: np.ndarray  # (N, H, W, 3) in [0, 1]
    portraits: Portraits


def _figures(one: _Seen, other: _Seen, frames: _Seen, *, part: str | None) -> dict[str, Figure]:
    return {
        **compared(one.portraits, other.portraits),
        "dlib_to_frames": dlib_distance(one.portraits, frames.portraits),
        "face_colours": _colours(one, other, part),
    }


def _colours(one: _Seen, other: _Seen, part: str | None) -> Figure:
    histograms = []
    for seen in (one, other):
        faces = seen.portraits.faces
        if isinstance(faces, NotComputed):
            return faces
        histograms.append(face_colours(seen.images, faces, part=part))
    return colour_similarity(*histograms)
