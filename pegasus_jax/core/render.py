"""What a rendering is asked for, and what it gives: the same for every family of avatars."""

import dataclasses

import jax


@dataclasses.dataclass(frozen=True)
class RenderOptions:
    """Static choices of a rendering: each of them is a program of its own."""

    channels: tuple[str, ...] = ("rgb",)  # of those that the avatar's family has
    max_points_per_pixel: int | None = None  # that are blended; None: what the avatar was trained with
    point_scale: float = 1.0  # share of their size with which primitives are drawn: small ones show where they are
    overlaps_per_point: int = 16  # capacity of the static backends: (tile, primitive) pairs per primitive
    backend: str = "auto"

    def roomier(self) -> "RenderOptions":
        """The same with twice the capacity: what to try when `Render.overflow` is not zero."""
        return dataclasses.replace(self, overlaps_per_point=2 * self.overlaps_per_point)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Render:
    """One frame's pictures; with leading axes, those of several. Fields that were not asked for are None."""

    image: jax.Array  # (H, W, 3) in [0, 1], over white
    alpha: jax.Array  # (H, W) in [0, 1]
    normals: jax.Array | None = None  # (H, W, 3): 0.5 n + 0.5 in world axes, over white
    albedo: jax.Array | None = None  # (H, W, 3), over white
    shading: jax.Array | None = None  # (H, W, 3), over white
    seg_logit: jax.Array | None = None  # (H, W): blended logits, 0 where nothing is drawn
    inner: jax.Array | None = None  # (H, W) in [0, 1]: how much of the pixel shows eyeballs or the inside of the mouth
    extra: jax.Array | None = None  # (H, W, C): what was given for each primitive, blended; 0 where nothing is drawn
    max_weight: jax.Array | None = None  # (N,): each primitive's largest compositing weight
    is_front: jax.Array | None = None  # (N,) bool: the primitive was first at some pixel
    overflow: jax.Array | int = 0  # () int32: primitive-tile pairs that did not fit (0 on exact backends)
    nonfinite: jax.Array | int = 0  # () int32: primitives skipped for NaN or Inf
