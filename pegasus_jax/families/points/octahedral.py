"""A function of unit vectors as a table: the sphere folded open onto a square.

The octahedral map of Meyer et al. 2010 (*On floating-point normal vectors*): a vector is projected onto the octahedron
|x| + |y| + |z| = 1, whose lower half is turned outwards. Rows and columns of a table lie on the square's grid, its
edges included, so that neighbours across a fold agree and a bilinear lookup is continuous on the whole sphere. With an
odd number of rows the octahedron's creases lie on the grid, too, which makes lookups four times as accurate.
"""

import jax
import jax.numpy as jnp

_TINY = 1e-12


def directions(size: int) -> jax.Array:
    """The unit vectors (size, size, 3) that a table's entries stand for; +z is in the middle. `size` is best odd."""
    grid = jnp.linspace(-1.0, 1.0, size)
    x, y = jnp.meshgrid(grid, grid, indexing="ij")
    z = 1.0 - jnp.abs(x) - jnp.abs(y)
    folded_x, folded_y = _fold(x, y)
    vectors = jnp.stack([jnp.where(z < 0.0, folded_x, x), jnp.where(z < 0.0, folded_y, y), z], axis=-1)
    return vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)


def lookup(table: jax.Array, vectors: jax.Array) -> jax.Array:
    """Values (N, C) of a table (S, S, C) at vectors (N, 3) of any length but zero, between its entries bilinearly."""
    return lookup_of(table[None], jnp.zeros(len(vectors), jnp.int32), vectors)


def lookup_of(tables: jax.Array, which: jax.Array, vectors: jax.Array) -> jax.Array:
    """`lookup` in one of several tables (T, S, S, C) for each vector: `which` (N,) int32."""
    _, size, _, channels = tables.shape
    x, y, z = (vectors[:, axis] for axis in range(3))
    scale = 1.0 / jnp.maximum(jnp.abs(x) + jnp.abs(y) + jnp.abs(z), _TINY)
    x, y = x * scale, y * scale
    folded_x, folded_y = _fold(x, y)
    row, row_share = _cell(jnp.where(z < 0.0, folded_x, x), size)
    column, column_share = _cell(jnp.where(z < 0.0, folded_y, y), size)
    entries = tables.reshape(-1, channels)
    first = (which * size + row) * size + column

    def corner(step: int, share: jax.Array) -> jax.Array:
        return entries[first + step].astype(share.dtype) * share[:, None]

    above = corner(0, (1.0 - row_share) * (1.0 - column_share)) + corner(1, (1.0 - row_share) * column_share)
    below = corner(size, row_share * (1.0 - column_share)) + corner(size + 1, row_share * column_share)
    return above + below


def _fold(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The lower half's place on the square from its place on the octahedron, and back."""
    return (1.0 - jnp.abs(y)) * jnp.where(x < 0.0, -1.0, 1.0), (1.0 - jnp.abs(x)) * jnp.where(y < 0.0, -1.0, 1.0)


def _cell(coordinate: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """The entry before a coordinate in [-1, 1], and the share of the way to the next one."""
    place = (0.5 * coordinate + 0.5) * (size - 1)
    before = jnp.clip(jnp.floor(place), 0, size - 2)
    return before.astype(jnp.int32), place - before
