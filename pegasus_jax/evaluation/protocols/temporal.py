"""Does an avatar flicker, and does it stay itself while it moves? TL-ID and TG-ID: supplement table 1.

The driver's frames change because the person moves and the camera makes noise; renders should change as they do,
neither more (flicker) nor less (a still).
"""

import dataclasses

import numpy as np

from pegasus_jax.capture import FaceDetections
from pegasus_jax.data import Dataset
from pegasus_jax.data.frames import OWN_PART
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.flicker import flicker_ratio, landmark_jitter, shoulder_masks
from pegasus_jax.evaluation.portraits import Observer, consistency
from pegasus_jax.evaluation.protocols.protocol import check_counts
from pegasus_jax.evaluation.reconstruction import render_drive
from pegasus_jax.evaluation.redetection import agreement
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table
from pegasus_jax.evaluation.weights import NotComputed

_ABOUT = (
    "Consecutive held-out frames. Change: mean absolute difference of adjacent pictures over white; ratio: to the "
    "frames' own; correlation: with it, over time. TL-ID and TG-ID are not divided by those of the frames. "
    "dlib_adjacent: mean distance of adjacent pictures' face descriptors (dlib). Flicker: mean second difference over "
    "time, of the person, and of hair and shoulders alone, over the frames' own. Jitter: that of landmarks where the "
    "driver's face holds still, in distances between the eyes; its ratio: to the driver's own. Of flicker and ratios 1 "
    "is as steady as the frames, higher trembles."
)


@dataclasses.dataclass(frozen=True)
class Temporal:
    """Settings."""

    frames: int = 48  # at most: consecutive held-out frames of the driving clip
    image_size: int = 256  # pixels: side of the pictures compared

    def __post_init__(self):
        check_counts(self, "frames", "image_size")

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Temporal: rows for the frames, the person as filmed, and every look.

        Raises:
            UserError: the driving clip holds out no two frames that follow each other.
        """
        clip, observer = subject.driver, Observer.found()
        rows = longest_stretch(clip.numbers, subject.rows(clip))[: self.frames]
        if len(rows) < 2:
            raise UserError(f"{clip.folder} holds out no two frames that follow each other; give another clip first.")
        drive = subject.drive(clip, rows, image_size=self.image_size)
        frames = subject.frames(clip, rows, image_size=self.image_size)
        filmed = np.asarray(frames.over_white())
        driver = observer.look(filmed)
        regions = _regions(clip, rows, np.asarray(frames.alpha()), driver.faces)

        def row(name: str, images: np.ndarray) -> Row:
            seen = observer.look(images)
            flicker = {f"{key}flicker": flicker_ratio(images, filmed, masks) for key, masks in regions.items()}
            steady = {**steadiness(images, filmed), **flicker, **_jitter(seen.faces, driver.faces)}
            return Row((name,), {"frames": len(rows), **steady, **consistency(seen)})

        avatar = subject.avatar
        found = [row("the frames", filmed), row("as filmed", render_drive(subject.as_filmed(), drive).image)]
        for look in avatar.looks[1:]:
            found.append(row(look, render_drive(avatar.bake(avatar.latent(look)), drive).image))
        return {"temporal": Table(_ABOUT, ("picture",), tuple(found))}


def _regions(
    clip: Dataset, rows: np.ndarray, mattes: np.ndarray, faces: FaceDetections | NotComputed
) -> dict[str, np.ndarray]:
    """Where flicker is measured, by what stands before its name: masks (N, H, W) of frames."""
    regions = {"": mattes > 0.5}
    if OWN_PART in clip.part_names:
        hair = clip.parts(OWN_PART, indices=rows, image_size=mattes.shape[1:]) > 127
        regions["hair_"] = hair
        if not isinstance(faces, NotComputed):
            regions["shoulders_"] = shoulder_masks(mattes, hair, faces)
    return regions


def _jitter(faces: FaceDetections | NotComputed, driver: FaceDetections | NotComputed) -> dict[str, Figure]:
    for one in (faces, driver):
        if isinstance(one, NotComputed):
            return {"jitter": one}
    assert isinstance(faces, FaceDetections) and isinstance(driver, FaceDetections)
    return dict(landmark_jitter(faces, driver))


def longest_stretch(numbers: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The longest part of `rows` whose frames follow each other by their numbers; the first of equals."""
    breaks = np.flatnonzero(np.diff(numbers[rows]) != 1) + 1
    return max(np.split(rows, breaks), key=len)


def steadiness(images: np.ndarray, filmed: np.ndarray) -> dict[str, Figure]:
    """How consecutive images (N, H, W, 3) change, beside the frames that drove them."""
    changes, driver = (np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2, 3)) for pictures in (images, filmed))
    figures: dict[str, Figure] = {
        "change": float(changes.mean()),
        "change_ratio": float(changes.mean() / max(driver.mean(), 1e-9)),
    }
    agreed = agreement(changes, driver)
    if agreed and agreed.correlation is not None:
        figures["change_correlation"] = agreed.correlation
    return figures
