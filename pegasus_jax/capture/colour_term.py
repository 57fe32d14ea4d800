"""The colour part of the alignment: every visible skin point should have its mean colour in every frame."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.capture.landmark_term import robust_normal_equations
from pegasus_jax.capture.minimise import Linearisation, Term
from pegasus_jax.capture.posing import PointModel, project_with_jacobian
from pegasus_jax.capture.track import Track

_FRAMES_AT_ONCE = 2


@dataclasses.dataclass(frozen=True)
class Appearance:
    """What the surface looks like, and where it can be seen."""

    colours: np.ndarray  # (P, 3) mean colour in [0, 1]
    gains: np.ndarray  # (F, 2, 3): exposure of each frame, colour_in_frame = gain colour + offset
    visible: np.ndarray  # (F, P) float32: trust in each point, 0 where it is turned away


@dataclasses.dataclass(frozen=True)
class ColourWeights:
    """Deviations of the colour residual."""

    colour: float = 0.05  # in [0, 1]; tempered like the landmarks: thousands of points, few independent
    robust: float = 0.5  # deviations


def colour_term(model: PointModel, images: np.ndarray, appearance: Appearance, weights: ColourWeights) -> Term:
    """A term for `minimise` in the frames' unknowns alone; `images` (F, S, S, 3) float16 in [0, 1].

    The term raises ValueError in a stage that moves shared unknowns.
    """
    inputs = [jnp.asarray(array) for array in (images, appearance.visible, appearance.gains)]
    colours = jnp.asarray(appearance.colours)

    def term(track: Track, with_shared: bool) -> Linearisation:
        if with_shared:
            raise ValueError("colour is linearised in the frames' unknowns only")
        rows, shared = jnp.asarray(track.frames, jnp.float32), jnp.asarray(track.shared, jnp.float32)
        return Linearisation(*map(np.asarray, _linearise(rows, shared, *inputs, colours, model, weights)))

    return term


def sample(image: jax.Array, positions: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Bilinear samples (P, C) of `image` (H, W, C) at `positions` (P, 2) pixels, and their derivatives (P, C, 2).

    Pixel centres are at +0.5; positions beyond the border take its value.
    """
    height, width = image.shape[:2]
    last = jnp.array([[width - 1.0, height - 1.0]], jnp.float32)
    xy = jnp.clip(positions - 0.5, 0.0, last - 1e-3)
    corner = jnp.floor(xy).astype(jnp.int32)
    fx, fy = (xy - corner)[:, :1], (xy - corner)[:, 1:]
    x, y = corner[:, 0], corner[:, 1]
    taps = [image[y + dy, x + dx].astype(jnp.float32) for dy in (0, 1) for dx in (0, 1)]
    top, bottom = taps[0] + fx * (taps[1] - taps[0]), taps[2] + fx * (taps[3] - taps[2])
    by_x = (1 - fy) * (taps[1] - taps[0]) + fy * (taps[3] - taps[2])
    return top + fy * (bottom - top), jnp.stack([by_x, bottom - top], axis=-1)


@functools.partial(jax.jit, static_argnames="weights")
def _linearise(rows, shared, images, visible, gains, colours, model, weights: ColourWeights):
    side = images.shape[1]

    def frame(args):
        row, image, trust, (gain, offset) = args
        picture, jacobian = project_with_jacobian(model, row, shared, with_shared=False)
        values, slopes = sample(image, picture * side)
        residuals = values - (gain[None] * colours + offset[None])
        jacobian = jnp.einsum("pca,pak->pck", slopes * side, jacobian)
        return robust_normal_equations(residuals, jacobian, trust / weights.colour**2, weights.robust)

    return jax.lax.map(frame, (rows, images, visible, gains), batch_size=_FRAMES_AT_ONCE)
