"""From 3D Gaussians and a pinhole camera to what `splat_gaussians` draws: EWA splatting by the rules of 3DGS.

Camera axes are OpenCV's (x right, y down, z forward); intrinsics are fx, fy, cx, cy in pixels, and pixel centres lie at
+0.5. World and camera share one unit of length. Batches of cameras: `jax.vmap`.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rasterizer import checks

_RIM = 0.15  # of the image's side: 3DGS holds Jacobians outside 1.3 times the half field of view
_LARGEST = 1e30  # a float32 covariance beyond it would overflow on the way to its conic
_RADII_IN_DEVIATIONS = 3.0


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Projections:
    """N Gaussians on one camera's image; every number is finite. Those that are not `visible` hold zeros."""

    means2d: jax.Array
    """(N, 2) pixels, x first."""
    conics: jax.Array
    """(N, 3) 1 / pixel^2: a, b, c of the inverse covariance [[a, b], [b, c]]; `splat_gaussians` leaves zeros out."""
    depths: jax.Array
    """(N,) camera z."""
    radii: jax.Array
    """(N,) pixels: three standard deviations along the longer axis; not differentiable."""
    compensations: jax.Array
    """(N,) in [0, 1]: multiplied into opacities, a Gaussian that is wider by `dilation` keeps the light it takes."""
    visible: jax.Array
    """(N,) bool: beyond the near plane, and of a shape that can be drawn."""
    degenerate: jax.Array
    """() int32: Gaussians beyond the near plane, or without a depth, that have no shape that can be drawn."""


def covariances(quaternions: ArrayLike, scales: ArrayLike) -> jax.Array:
    """Covariances (N, 3, 3) of Gaussians: R S S R^T.

    Args:
      quaternions: (N, 4) w, x, y, z of the rotation R; of any length but 0, which makes a covariance of NaN (that
        `project_covariances` counts, and through which no gradient flows).
      scales: (N, 3): standard deviations along the axes of R.

    Raises:
      ValueError: a shape is wrong.
    """
    quaternions, scales = _same_dtype(quaternions, scales)
    checks.rows("quaternions", quaternions, "w, x, y, z", 4)
    checks.rows("scales", scales, "one per axis", 3, count=quaternions.shape[0])
    largest = jnp.max(jnp.abs(quaternions), axis=1)
    usable = (largest > 0) & jnp.isfinite(largest) & jnp.all(jnp.abs(scales) < _LARGEST**0.5, axis=1)
    upright = jnp.asarray([1, 0, 0, 0], quaternions.dtype)[None]
    # Divided by the largest part first: a rotation does not depend on the length, whose square may be too small.
    safe = jnp.where(usable, largest, 1)[:, None]
    quaternions = jnp.where(usable[:, None], quaternions / jax.lax.stop_gradient(safe), upright)
    variances = jnp.square(jnp.where(usable[:, None], scales, 1)).T
    axes = _rotation(quaternions)
    entries = [_dot(axes[i], [axes[j][k] * variances[k] for k in range(3)]) for i in range(3) for j in range(3)]
    matrices = jnp.stack(entries, axis=1).reshape(-1, 3, 3)
    return jnp.where(usable[:, None, None], matrices, jnp.nan)


def project_gaussians(
    means: ArrayLike,
    quaternions: ArrayLike,
    scales: ArrayLike,
    T_camera_world: ArrayLike,
    intrinsics: ArrayLike,
    *,
    image_size: tuple[int, int],
    dilation: float = 0.3,
    near: float = 0.2,
) -> Projections:
    """Projects N Gaussians with rotations and scales onto an image: `project_covariances` of their `covariances`.

    Args:
      means: (N, 3) world.
      quaternions: (N, 4) w, x, y, z, of any length; Gaussians with length 0 are counted as degenerate.
      scales: (N, 3) world: standard deviations along the axes of the rotation; 0 is a point.
      T_camera_world: as in `project_covariances`, as are the options.
      intrinsics: (4,) pixels: fx, fy, cx, cy.
      image_size: (H, W).
      dilation: pixels^2.
      near: camera z.

    Returns:
      `Projections`; gradients flow to all five arrays.

    Raises:
      ValueError: a shape or an option is wrong.
    """
    project = functools.partial(project_covariances, image_size=image_size, dilation=dilation, near=near)
    return project(means, covariances(quaternions, scales), T_camera_world, intrinsics)


def project_covariances(
    means: ArrayLike,
    covariances: ArrayLike,
    T_camera_world: ArrayLike,
    intrinsics: ArrayLike,
    *,
    image_size: tuple[int, int],
    dilation: float = 0.3,
    near: float = 0.2,
) -> Projections:
    """Projects N Gaussians of any covariance onto an image: for Gaussians that another transformation has deformed.

    The covariance on the image is J R C R^T J^T + dilation I, with the rotation R of the camera and the Jacobian J of
    the perspective at the mean (Zwicker et al. 2001, EWA splatting, eq. 29-31; Kerbl et al. 2023, 3D Gaussian
    splatting, eq. 5). Outside the image's rim (0.15 of its side) J is that of the rim, as in 3DGS.

    Args:
      means: (N, 3) world.
      covariances: (N, 3, 3) world, symmetric positive semi-definite; of one that is not symmetric the mean with its
        transpose counts.
      T_camera_world: (3, 4) or (4, 4): maps world to camera.
      intrinsics: (4,) pixels: fx, fy, cx, cy.
      image_size: (H, W).
      dilation: pixels^2 that are added to both variances, so that no Gaussian falls between the pixels' centres.
      near: camera z; what is not beyond it is not visible.

    Returns:
      `Projections`; gradients flow to all four arrays.

    Raises:
      ValueError: a shape or an option is wrong.
    """
    size = checks.size(image_size)
    if dilation < 0 or not near > 0:
        raise ValueError(f"dilation must be at least 0 and near above 0; got {dilation!r} and {near!r}.")
    means, covariances, T_camera_world, intrinsics = _same_dtype(means, covariances, T_camera_world, intrinsics)
    checks.rows("means", means, "x, y, z", 3)
    if covariances.shape != (means.shape[0], 3, 3):
        raise ValueError(f"covariances must have shape ({means.shape[0]}, 3, 3); got {covariances.shape}.")
    if T_camera_world.shape not in ((3, 4), (4, 4)):
        raise ValueError(f"T_camera_world must have shape (3, 4) or (4, 4); got {T_camera_world.shape}.")
    if intrinsics.shape != (4,):
        raise ValueError(f"intrinsics must have shape (4,): fx, fy, cx, cy; got {intrinsics.shape}.")
    view = _view(means, T_camera_world, intrinsics, near)
    jacobian = _jacobian(view, T_camera_world, intrinsics, size)
    # Replaced before they are used, so that neither a value nor a gradient of what is left out can be NaN.
    largest = jnp.max(jnp.abs(covariances), axis=(1, 2)) * functools.reduce(jnp.maximum, map(_square_sum, jacobian))
    usable = jax.lax.stop_gradient(view.ahead & (largest < _LARGEST))  # NaN is not
    image = _image_covariances(jnp.where(usable[:, None, None], covariances, 0), jacobian)
    return _projections(view, image, usable, dilation)


class _View(NamedTuple):
    """Means in a camera; those not `ahead` stand on its axis."""

    offsets: tuple[jax.Array, jax.Array]  # (N,) pixels from the principal point: right, down
    depths: jax.Array  # (N,); 1 where not ahead
    means2d: jax.Array  # (N, 2)
    ahead: jax.Array  # (N,) bool: beyond the near plane, with finite means
    behind: jax.Array  # (N,) bool


class _Covariances(NamedTuple):
    """Of Gaussians on the image, (N,) each, pixels^2."""

    xx: jax.Array
    xy: jax.Array
    yy: jax.Array


def _same_dtype(*arrays: ArrayLike) -> list[jax.Array]:
    converted = [jnp.asarray(a) for a in arrays]
    dtype = jnp.promote_types(jnp.float32, jnp.result_type(*converted))
    return [a.astype(dtype) for a in converted]


def _view(means: jax.Array, T_camera_world: jax.Array, intrinsics: jax.Array, near: float) -> _View:
    finite = jnp.all(jnp.abs(means) < _LARGEST, axis=1)
    x, y, z = jnp.where(finite[:, None], means, 0).T
    # Written out: a matrix product would run in reduced precision on some accelerators, and slowly for three columns.
    right, down, depths = (row[0] * x + row[1] * y + row[2] * z + row[3] for row in T_camera_world[:3])
    beyond = depths > near
    ahead = finite & beyond & (jnp.abs(right) < _LARGEST) & (jnp.abs(down) < _LARGEST) & (depths < _LARGEST)
    right, down, depths = jnp.where(ahead, right, 0), jnp.where(ahead, down, 0), jnp.where(ahead, depths, 1)
    fx, fy, cx, cy = intrinsics
    offsets = fx * right / depths, fy * down / depths
    means2d = jnp.stack([offsets[0] + cx, offsets[1] + cy], axis=1)
    return _View(offsets, depths, means2d, ahead, finite & ~beyond)


def _jacobian(
    view: _View, T_camera_world: jax.Array, intrinsics: jax.Array, size: tuple[int, int]
) -> tuple[list[jax.Array], list[jax.Array]]:
    """Of the pixel's x and of its y by the world's three axes, (N,) each."""
    rows = []
    for axis, side in enumerate(reversed(size)):
        rim, centre, focal = _RIM * side, intrinsics[2 + axis], intrinsics[axis]
        # Ends, not a clip: at equal values the gradient goes to the offset.
        held = jnp.where(view.offsets[axis] < -centre - rim, -centre - rim, view.offsets[axis])
        held = jnp.where(held > side - centre + rim, side - centre + rim, held)
        turned, forward = T_camera_world[axis, :3], T_camera_world[2, :3]
        rows.append([(focal * turned[k] - held * forward[k]) / view.depths for k in range(3)])
    return rows[0], rows[1]


def _image_covariances(covariances: jax.Array, jacobian: tuple[list[jax.Array], list[jax.Array]]) -> _Covariances:
    right, down = jacobian
    matrix = [[(covariances[:, i, j] + covariances[:, j, i]) / 2 for j in range(3)] for i in range(3)]
    by_right, by_down = ([_dot(row, axis) for row in matrix] for axis in jacobian)
    return _Covariances(_dot(right, by_right), _dot(down, by_right), _dot(down, by_down))


def _projections(view: _View, image: _Covariances, usable: jax.Array, dilation: float) -> Projections:
    xx, xy, yy = image
    # Rounding can make the smaller determinant negative; the larger is built on it, so that it stays definite.
    sharp = jnp.maximum(xx * yy - xy * xy, 0)
    determinant = sharp + dilation * (xx + yy) + dilation**2
    definite = (determinant > 0) & (xx + dilation > 0) & (yy + dilation > 0)
    visible = usable & definite
    safe = jnp.where(definite, determinant, 1)
    ratio = sharp / safe
    has_area = ratio > 0
    conics = jnp.stack([(yy + dilation) / safe, -xy / safe, (xx + dilation) / safe], axis=1)
    kept = functools.partial(_kept, visible)
    return Projections(
        means2d=kept(view.means2d),
        conics=kept(conics),
        depths=kept(view.depths),
        radii=kept(_RADII_IN_DEVIATIONS * jnp.sqrt(_largest_variance(jax.lax.stop_gradient(image)) + dilation)),
        compensations=kept(jnp.where(has_area, jnp.sqrt(jnp.where(has_area, ratio, 1)), 0)),
        visible=visible,
        degenerate=jnp.sum(~visible & ~view.behind, dtype=jnp.int32),
    )


def _largest_variance(image: _Covariances) -> jax.Array:
    """The larger eigenvalue, (N,)."""
    xx, xy, yy = image
    return (xx + yy) / 2 + jnp.hypot((xx - yy) / 2, xy)


def _kept(visible: jax.Array, array: jax.Array) -> jax.Array:
    return jnp.where(visible if array.ndim == 1 else visible[:, None], array, 0)


def _dot(left: list[jax.Array], right: list[jax.Array]) -> jax.Array:
    return left[0] * right[0] + left[1] * right[1] + left[2] * right[2]


def _square_sum(row: list[jax.Array]) -> jax.Array:
    return jax.lax.stop_gradient(_dot(row, row))


def _rotation(quaternions: jax.Array) -> list[list[jax.Array]]:
    """R[i][j], (N,) each, of quaternions (N, 4) that need not have length 1."""
    w, x, y, z = quaternions.T
    s = 2 / (w * w + x * x + y * y + z * z)
    return [
        [1 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y)],
        [s * (x * y + w * z), 1 - s * (x * x + z * z), s * (y * z - w * x)],
        [s * (x * z - w * y), s * (y * z + w * x), 1 - s * (x * x + y * y)],
    ]
