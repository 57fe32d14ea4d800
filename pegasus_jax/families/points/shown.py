"""What a picture shows of each point: sums of its pixels by the point's compositing weight in them.

A blended picture is linear in what points carry, and its gradient sums a picture up by compositing weight: the mean of
the pixels that show a point needs nothing but the rasteriser.
"""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.core.camera import Camera
from pegasus_jax.families.points.render import SHADING_GAIN, FramePoints, RenderOptions, render_points


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Shown:
    """Sums over pixels, for N points; a pixel that shows a point alone counts 1."""

    colour: jax.Array  # (N, 3) of the picture
    light: jax.Array  # (N, 3): what `colour` were of a white point
    marked: jax.Array  # (N,): pixels of a mask
    whole: jax.Array  # (N,): pixels of the person

    def albedo(self) -> jax.Array:
        """(N, 3) in [0, 1]; 0 where nothing is shown."""
        return jnp.clip(self.colour / jnp.maximum(self.light, 1e-6), 0.0, 1.0)

    def corrected(self, albedo: jax.Array) -> jax.Array:
        """Albedo (N, 3), if `colour` sums what frames have more than pictures of points with this `albedo` (N, 3)."""
        return jnp.clip(albedo + self.colour / jnp.maximum(self.light, 1e-6), 0.0, 1.0)

    def share(self) -> jax.Array:
        """(N,) in [0, 1]: how much of what is shown lies in the mask; 0 where nothing is shown."""
        return jnp.clip(self.marked / jnp.maximum(self.whole, 1e-6), 0.0, 1.0)


def shown(
    points: FramePoints,
    camera: Camera,
    *,
    image: jax.Array,
    matte: jax.Array,
    mask: jax.Array,
    counts: jax.Array,
    options: RenderOptions = RenderOptions(),
    more: bool = False,
) -> Shown:
    """What one frame shows of points as they are in it.

    Args:
        points: N points.
        camera: the frame's.
        image: (H, W, 3): the frame in [0, 1].
        matte: (H, W) in [0, 1]: how much of each pixel is the person.
        mask: (H, W) in [0, 1].
        counts: (H, W) in [0, 1]: how much each pixel counts for the colour.
        options: how the frame is drawn; the channels are those that are needed.
        more: of the colour only what the frame has more than the picture of these points, as far as they cover it.
    """
    options = dataclasses.replace(options, channels=("rgb", "albedo", "seg_logit"))

    def pictures(albedo: jax.Array, seg_logit: jax.Array):
        render = render_points(dataclasses.replace(points, albedo=albedo, seg_logit=seg_logit), camera, options=options)
        return (render.albedo, render.seg_logit), render

    _, pull, render = jax.vjp(pictures, points.albedo, points.seg_logit, has_aux=True)
    if more:
        image = render.alpha[..., None] * (image - 1.0) + 1.0 - render.image
    colour, marked = pull((counts[..., None] * image, matte * mask))
    counted, whole = pull((jnp.repeat(counts[..., None], 3, axis=-1), matte))
    return Shown(colour, SHADING_GAIN * points.shading * counted, marked, whole)
