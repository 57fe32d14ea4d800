"""Rotations of many Gaussians: the one nearest to each linear map, and products of quaternions (w, x, y, z)."""

import jax
import jax.numpy as jnp
from jax.scipy.spatial.transform import Rotation

from pegasus_jax.families.free_points.skinning import cofactors_3x3, inverse_3x3

_ITERATIONS = 8  # quadratic convergence: stretches between 1/4 and 4 end at float32's last digit


def nearest_quaternions(matrices: jax.Array) -> jax.Array:
    """Returns the quaternions (N, 4) of the rotations nearest to linear maps (N, 3, 3): their polar factors.

    Newton's iteration R <- (R + R^-T) / 2 (Higham 1986). A map that turns space inside out, or flattens it, turns
    nothing. No gradient passes: near equal stretches that of a polar factor has no bound.
    """
    matrices = jax.lax.stop_gradient(matrices)
    determinant = jnp.sum(matrices[:, 0] * cofactors_3x3(matrices)[:, 0], axis=-1)
    rotation = jnp.where((determinant > 1e-6)[:, None, None], matrices, jnp.eye(3)[None])

    def halfway(_: int, rotation: jax.Array) -> jax.Array:
        return 0.5 * (rotation + jnp.swapaxes(inverse_3x3(rotation), 1, 2))

    rotation = jax.lax.fori_loop(0, _ITERATIONS, halfway, rotation)
    x, y, z, w = Rotation.from_matrix(rotation).as_quat().T
    return jnp.stack([w, x, y, z], axis=1)


def product(first: jax.Array, second: jax.Array) -> jax.Array:
    """Returns Hamilton's product (N, 4): the rotation by `second` (N, 4), then by `first` (N, 4)."""
    a, b, c, d = first.T
    w, x, y, z = second.T
    return jnp.stack(
        [
            a * w - b * x - c * y - d * z,
            a * x + b * w + c * z - d * y,
            a * y - b * z + c * w + d * x,
            a * z + b * y - c * x + d * w,
        ],
        axis=1,
    )
