"""Held-out reconstruction: how near an avatar's pictures come to frames that it never saw.

White background, soft matte, whole pictures unless a column says otherwise. "Tracked" frames are driven by what capture
found; "re-tracked" ones by what the avatar itself, frozen, finds in them (`inference.track`). Stills stand beside them.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core import metrics
from pegasus_jax.core.avatar import BakedLook
from pegasus_jax.core.motion import Motion
from pegasus_jax.data.frames import Batch
from pegasus_jax.evaluation import baselines
from pegasus_jax.inference.clip import render_pictures
from pegasus_jax.inference.track import track

CONSTANT = "best constant colour"
OPAQUE = 0.95  # of a matte: where a person is and not its outline


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Predictions for N held-out frames."""

    image: np.ndarray  # (N, H, W, 3) in [0, 1], over white
    alpha: np.ndarray  # (N, H, W)


def drive_of(frames: Batch) -> Motion:
    """What drives these frames, as tracked."""
    return jax.tree.map(jnp.asarray, frames.motion)


def render_drive(baked: BakedLook, drive: Motion) -> Pictures:
    """Renders every frame of a motion on the avatar's own shape."""
    return Pictures(*render_pictures(baked, drive))


def retracked_drive(baked: BakedLook, frames: Batch, small: Batch) -> Motion:
    """The drive of consecutive frames as the avatar finds it in the same frames' small pictures."""
    found, drive = track(baked, small, desc="re-tracking held-out frames"), drive_of(frames)
    cameras = dataclasses.replace(drive.cameras, T_camera_world=found.cameras.T_camera_world)
    return Motion(found.params, cameras)


def stills(train: Batch, test: Batch) -> dict[str, Pictures]:
    """Predictions that need no avatar: the best single colour, the mean training picture, the nearest frame of it."""
    images, mattes = np.asarray(train.over_white()), np.asarray(train.alpha())
    count = len(test.frame)
    mean = Pictures(
        np.repeat(baselines.mean_image(images)[None], count, axis=0),
        np.repeat(mattes.mean(axis=0)[None], count, axis=0),
    )
    constant = Pictures(
        np.repeat(baselines.best_constant(images)[None], count, axis=0), np.full_like(mean.alpha, mattes.mean())
    )
    nearest = baselines.nearest_frames([train.pose, train.expression], [test.pose, test.expression])
    return {
        CONSTANT: constant,
        "mean training image": mean,
        "nearest training frame": Pictures(images[nearest], mattes[nearest]),
    }


def figures_of(prediction: Pictures, frames: Batch) -> dict[str, float]:
    """Means over frames: PSNR (dB) of the whole picture, the foreground, eyes and mouth; SSIM, L1, IoU, and so on.

    Outlines' errors are in pixels, and left out where no frame has any; eyes and mouth where no frame shows them.
    Sharpness is that of the person, where the matte is opaque, and of eyes and mouth; 1 is the frames' own.
    """
    target, matte = np.asarray(frames.over_white()), np.asarray(frames.alpha())
    per_frame = {
        "psnr": _mean(metrics.psnr, prediction.image, target),
        "foreground_psnr": _mean(metrics.masked_psnr, prediction.image, target, matte),
        "ssim": _mean(metrics.ssim, prediction.image, target),
        "l1": _mean(metrics.l1, prediction.image, target),
        "iou": _mean(metrics.mask_iou, prediction.alpha, matte),
    }
    opaque = (matte >= OPAQUE).astype(np.float32)
    per_frame |= _sharpness("sharpness", prediction.image, target, opaque)
    outline = np.asarray(jax.jit(jax.vmap(metrics.boundary_error))(prediction.alpha, matte))
    if np.isfinite(outline).any():
        per_frame["boundary_error"] = float(np.nanmean(outline))
    crop = np.asarray(frames.emphasis, np.float32) / 255.0
    shown = crop.max(axis=(1, 2)) >= 0.5
    if shown.any():
        per_frame["eyes_mouth_psnr"] = _mean(metrics.masked_psnr, prediction.image[shown], target[shown], crop[shown])
    per_frame |= _sharpness("eyes_mouth_sharpness", prediction.image, target, crop)
    return per_frame


def _sharpness(name: str, images: np.ndarray, targets: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """The figure `name`, over frames whose mask shows anything; nothing where none does."""
    found = np.asarray(jax.jit(jax.vmap(metrics.sharpness))(images, targets, masks))
    return {name: float(np.nanmean(found))} if np.isfinite(found).any() else {}


def _mean(metric, *arrays: np.ndarray) -> float:
    return float(np.mean(np.asarray(jax.jit(jax.vmap(metric))(*arrays))))
