"""What Gaussians start with, in closed form: the colours that some frames show where each is drawn, and who is hair.

One backward pass of the rasteriser gives, for each Gaussian, the sums of the picture under its compositing weights. The
first step of training thus begins with a picture that one recognises.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.core.camera import Camera
from pegasus_jax.data.frames import Batch, take
from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.drawing import dilation, splat_posed
from pegasus_jax.families.gaussians.params import Params
from pegasus_jax.families.gaussians.posing import pose_gaussians
from pegasus_jax.families.gaussians.rig import Rig

_LEAST_WEIGHT = 0.02  # pixels, weighted, that a frame has to show of a Gaussian: at 128 pixels most have less than one
_SHADE = 0.8  # of the nearest one's colour, for what no frame shows
_MOUTH = (0.07, 0.03, 0.025)
_TEETH = 0.3 * np.array([1.0, 0.92, 0.85])  # of the brightest channel of the skin


def with_initial_colours(
    params: Params, rig: Rig, frames: Batch, *, training_side: int, max_overlaps: int | None = None
) -> tuple[Params, np.ndarray]:
    """Returns the parameters with each Gaussian's median colour over some frames, and how much of each is hair, (N,).

    What no frame shows takes its neighbours' colour; the inside of the mouth is dark, whatever the frames show. The
    share of hair, in [0, 1], is by the frames' masks of it, and 0 of what is inside the head.
    """
    median, hair = np.split(
        observed(params, rig, frames, training_side=training_side, max_overlaps=max_overlaps), [3], axis=1
    )
    known = np.isfinite(median[:, 0])
    if known.any():
        places = np.asarray(rig.rest[:3]).T
        nearest = scipy.spatial.cKDTree(places[known]).query(places[~known])[1]
        median[~known] = _SHADE * median[known][nearest]
        hair[~known] = hair[known][nearest]
    else:
        median[:], hair[:] = 0.5, 0.0
    part = np.asarray(rig.part)
    skin = median[part == parts.FACE] if (part == parts.FACE).any() else median
    median[part == parts.MOUTH] = _MOUTH
    median[part == parts.TEETH] = _TEETH * np.median(skin, axis=0).max()
    hair[np.isin(part, parts.INSIDE)] = 0.0
    return dataclasses.replace(params, colour=jnp.asarray(median.T, jnp.float32)), hair[:, 0].astype(np.float32)


def observed(
    params: Params, rig: Rig, frames: Batch, *, training_side: int, max_overlaps: int | None = None
) -> np.ndarray:
    """Returns what frames show of each Gaussian, (N, 4): medians of its colour and of its share in the frames' mask.

    NaN where none of the frames shows enough of it.
    """
    shown = functools.partial(_shown, training_side=training_side, max_overlaps=max_overlaps)
    return _median(np.stack([np.asarray(shown(params, rig, take(frames, row))) for row in range(len(frames.frame))]))


def _median(values: np.ndarray) -> np.ndarray:
    """(N, C) medians over the frames of (F, N, C), of those that are not NaN; NaN where all are."""
    seen = np.isfinite(values[..., 0])
    ordered = np.sort(np.where(seen[..., None], values, np.inf), axis=0)
    middle = np.maximum(seen.sum(axis=0) - 1, 0) // 2
    median = np.take_along_axis(ordered, middle[None, :, None], axis=0)[0]
    return np.where(seen.any(axis=0)[:, None], median, np.nan)


@functools.partial(jax.jit, static_argnames=("training_side", "max_overlaps"))
def _shown(params: Params, rig: Rig, frame: Batch, training_side: int, max_overlaps: int | None) -> jax.Array:
    """(N, 4): the mean of one frame's picture and mask of hair under each Gaussian's weights.

    NaN where it shows too little of a Gaussian.
    """
    camera: Camera = frame.cameras
    posed = pose_gaussians(params, rig, frame.expression, frame.pose, T_camera_world=camera.T_camera_world)
    blur = dilation(min(camera.image_size), training_side)
    matte = jnp.asarray(frame.matte, jnp.float32)[..., None] / 255.0
    values = jnp.concatenate([frame.image, frame.seg[..., None]], axis=-1) / 255.0
    weighted = jnp.concatenate([values * matte, matte], axis=-1)

    def total(features: jax.Array) -> jax.Array:
        drawn = dataclasses.replace(posed, colours=features)
        out = splat_posed(
            drawn,
            camera.intrinsics,
            image_size=camera.image_size,
            blur=blur,
            depth_bias=rig.depth_bias,
            max_overlaps=max_overlaps,
        )
        return jnp.sum(out.image * weighted)

    sums = jax.grad(total)(jnp.zeros((5, rig.num_gaussians)))
    return jnp.where(sums[4:] > _LEAST_WEIGHT, sums[:4] / jnp.maximum(sums[4:], 1e-6), jnp.nan).T
