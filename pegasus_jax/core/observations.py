"""What pictures show of each primitive: pixels back-projected by the primitive's compositing weight in them.

A blended picture is linear in what primitives carry, and its gradient sums a picture up by compositing weight: the mean
of the pixels that show a primitive needs nothing but the rasteriser.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from pegasus_jax.core.render import Render

Draw = Callable[[jax.Array], Render]  # the picture of N primitives that carry `extra` (N, C)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Observations:
    """Sums over pixels, for N primitives; a pixel that shows a primitive alone counts 1."""

    colour: jax.Array  # (N, 3) of the picture
    light: jax.Array  # (N, 3): what `colour` were of a white primitive
    marked: jax.Array  # (N,): pixels of a mask
    whole: jax.Array  # (N,): pixels of the person

    def base_colours(self) -> jax.Array:
        """(N, 3) in [0, 1], before light; 0 where nothing is shown."""
        return jnp.clip(self.colour / jnp.maximum(self.light, 1e-6), 0.0, 1.0)

    def corrected(self, base_colours: jax.Array) -> jax.Array:
        """Base colours (N, 3), if `colour` sums the residuals of pictures in these `base_colours` (N, 3)."""
        return jnp.clip(base_colours + self.colour / jnp.maximum(self.light, 1e-6), 0.0, 1.0)

    def share(self) -> jax.Array:
        """(N,) in [0, 1]: how much of what is shown lies in the mask; 0 where nothing is shown."""
        return jnp.clip(self.marked / jnp.maximum(self.whole, 1e-6), 0.0, 1.0)


def back_project(
    draw: Draw,
    light: jax.Array,
    *,
    image: jax.Array,
    matte: jax.Array,
    mask: jax.Array,
    counts: jax.Array,
    residual: bool = False,
) -> Observations:
    """What one frame shows of primitives as they are in it.

    Args:
        draw: draws them into the frame's camera.
        light: (N, 3): what base colours are multiplied by in this frame.
        image: (H, W, 3): the frame in [0, 1].
        matte: (H, W) in [0, 1]: how much of each pixel is the person.
        mask: (H, W) in [0, 1].
        counts: (H, W) in [0, 1]: how much each pixel counts for the colour.
        residual: of the colour only what the frame has more than the picture, as far as the primitives cover it.
    """

    def blend(extra: jax.Array) -> tuple[jax.Array, Render]:
        render = draw(extra)
        return render.extra, render  # type: ignore[return-value]

    _, pull, render = jax.vjp(blend, jnp.zeros((len(light), 4)), has_aux=True)
    if residual:
        image = render.alpha[..., None] * (image - 1.0) + 1.0 - render.image
    (shown,) = pull(jnp.concatenate([counts[..., None] * image, (matte * mask)[..., None]], axis=-1))
    (counted,) = pull(jnp.stack([counts, counts, counts, matte], axis=-1))
    return Observations(shown[:, :3], light * counted[:, :3], shown[:, 3], counted[:, 3])
