"""The demo's figures against exact truth: the cast's own renderer shows the target with the donor's part.

Everything is scored where the edit shows and where it must not. The edit's region E is the pixels where the true
pictures with and without it differ by more than 0.05, grown by 2 pixels. Pictures are (F, H, W, 3) over white.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.core.latents import Latent
from pegasus_jax.data import Dataset
from pegasus_jax.data.frames import Batch, load_frames
from pegasus_jax.editing import Interpolation, Look, Sampling
from pegasus_jax.evaluation import reconstruction
from pegasus_jax.synthesis import masks

_DIFFERS = 0.05
_GROWN = 2  # pixels
_OUTLINE = 2  # pixels along the true outline, where avatars of this size are some tenths of a pixel off
_BORDER = 4  # pixels around E into which a part-swapped frame may blend
_PATH_STEPS = 10
_SAMPLES = 4


@dataclasses.dataclass(frozen=True)
class Truth:
    """F frames of a person as filmed and with one part of a donor, pixel for pixel the same otherwise."""

    own: Batch
    edited: Batch

    @classmethod
    def read(cls, own: Dataset, edited: Dataset, *, numbers: np.ndarray, image_size: tuple[int, int]) -> "Truth":
        """Those of the frames `numbers` that both clips have."""
        both = np.intersect1d(np.intersect1d(own.numbers, edited.numbers), numbers)
        return cls(*(_frames(clip, both, image_size) for clip in (own, edited)))

    @property
    def region(self) -> np.ndarray:
        """E: (F, H, W) bool."""
        before, after = _picture(self.own), _picture(self.edited)
        return _grown(np.abs(before - after).max(axis=-1) > _DIFFERS, _GROWN)

    @property
    def elsewhere(self) -> np.ndarray:
        """(F, H, W) bool: the person outside E."""
        return (np.maximum(self.own.matte, self.edited.matte) > 127) & ~self.region


def score_swap(swapped: Dataset, own: Dataset, edited: Dataset) -> dict[str, float]:
    """PSNR (dB) of a part-swapped clip's frames inside E, and outside E and its border; "unedited" is doing nothing."""
    truth = Truth.read(own, edited, numbers=swapped.numbers, image_size=own.image_size)
    numbers = np.intersect1d(swapped.numbers, edited.numbers)
    made, target, region = _picture(_frames(swapped, numbers, own.image_size)), _picture(truth.edited), truth.region
    return {
        "inside": _psnr(made, target, region),
        "unedited": _psnr(_picture(truth.own), target, region),
        "outside": _psnr(made, target, ~_grown(region, _BORDER)),
    }


def score_look(avatar: Avatar, look: str, truth: Truth) -> dict[str, float]:
    """PSNR (dB) of a look at frames that training never saw, beside the person's as filmed, and how far it spills.

    "spill" is the mean absolute change, by switching the look, of the person outside E.
    """
    plain, worn = (_rendered(avatar, avatar.latent(name), truth) for name in (None, look))
    target, region, elsewhere = _picture(truth.edited), truth.region, truth.elsewhere
    return {
        "inside": _psnr(worn, target, region),
        "unedited": _psnr(plain, target, region),
        "outside": _psnr(worn, target, elsewhere),
        "unedited outside": _psnr(plain, _picture(truth.own), elsewhere),
        "spill": float(np.abs(worn - plain)[elsewhere].mean()),
    }


def score_wearing(wearing: BakedLook, truth: Truth) -> dict[str, float]:
    """How near somebody comes to the truth by a part that is worn: PSNR (dB), and holes in percent of the silhouette.

    A hole is a pixel of the true silhouette with alpha below 0.5; those "off the outline" lie more than 2 pixels in it.
    """
    drawn = reconstruction.render_drive(wearing, reconstruction.drive_of(truth.edited))
    target, matte = _picture(truth.edited), truth.edited.matte > 127
    within = ~_grown(~matte, _OUTLINE)
    return {
        "inside": _psnr(drawn.image, target, truth.region),
        "whole": _psnr(drawn.image, target, np.ones_like(matte)),
        "holes": 100.0 * float((drawn.alpha < 0.5)[matte].mean()),
        "holes off the outline": 100.0 * float(((drawn.alpha < 0.5) & within).sum() / matte.sum()),
    }


def score_path(avatar: Avatar, ends: Mapping[str, tuple[str, str]], truth: Truth) -> dict[str, float]:
    """A path between looks: its largest step over its mean step, steps being mean absolute changes of pictures."""
    recipe = Interpolation(ends, steps=_PATH_STEPS)
    start = Look(avatar.looks[0], avatar.latent())
    pictures = np.stack([_rendered(avatar, look.latent, truth) for look in recipe.looks(avatar.trained_looks, start)])
    steps = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2, 3, 4))
    return {"largest over mean step": float(steps.max() / max(steps.mean(), 1e-9))}


def score_samples(avatar: Avatar, category: str, truths: Sequence[Truth]) -> dict[str, float]:
    """Looks drawn at random: how much more they differ inside the category's regions than elsewhere on the person.

    "apart" is the mean absolute difference inside between two samples, "ratio" that over the difference elsewhere.
    """
    recipe = Sampling([category], count=_SAMPLES, seed=0)
    start = Look(avatar.looks[0], avatar.latent())
    drawn = recipe.looks(avatar.trained_looks, start)
    pictures = np.stack([_rendered(avatar, look.latent, truths[0]) for look in drawn])
    region = np.logical_or.reduce([truth.region for truth in truths])
    elsewhere = np.logical_and.reduce([truth.elsewhere for truth in truths])
    pairs = [(i, j) for i in range(_SAMPLES) for j in range(i)]
    inside, outside = (
        np.mean([np.abs(pictures[i] - pictures[j])[where].mean() for i, j in pairs]) for where in (region, elsewhere)
    )
    return {"apart": float(inside), "ratio": float(inside / max(outside, 1e-9))}


def _rendered(avatar: Avatar, latent: Latent, truth: Truth) -> np.ndarray:
    return reconstruction.render_drive(avatar.bake(latent), reconstruction.drive_of(truth.edited)).image


def _frames(clip: Dataset, numbers: np.ndarray, image_size: tuple[int, int]) -> Batch:
    return load_frames(clip, np.flatnonzero(np.isin(clip.numbers, numbers)), image_size=image_size)


def _picture(frames: Batch) -> np.ndarray:
    return np.asarray(frames.over_white())


def _grown(regions: np.ndarray, distance: int) -> np.ndarray:
    return np.stack([masks.grow(region, distance) for region in regions])


def _psnr(pictures: np.ndarray, target: np.ndarray, where: np.ndarray) -> float:
    """Over all pixels of all frames together."""
    return float(-10.0 * np.log10(max(np.square(pictures - target)[where].mean(), 1e-10)))
