"""One look's points, ready for any frame: the equations of `posing` in the form that is fastest to evaluate.

Numbers of a point lie `N` apart, each row one number of all points, so that every operation runs along memory. The
derivatives that turn normals are taken along two tangents a, b with a x b = n and along n itself, instead of x, y, z:

    n^d = J^-T n^sc / |J^-T n^sc| = sign(c . J n) c / |c|,   c = J a x J b
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from pegasus_jax.families.free_points.deformation import Bases
from pegasus_jax.families.free_points.head_space import FrameMotion
from pegasus_jax.families.free_points.skinning import normalize
from pegasus_jax.families.points.motion_modes import feature_moments, principal_modes
from pegasus_jax.families.points.posing import CanonicalPoints, PosedPoints

Vector = list[jax.Array]  # x, y, z of N points, (N,) each


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BakedRest:
    """Per point, what posing needs. An axis of 4: the value, then its derivatives along a, b and n."""

    positions_rest: jax.Array  # (3, 4, N)
    lbs_weights: jax.Array  # (6, 4, N)
    modes: jax.Array  # (R, 4, N): shares of the modes
    mode_bases: Bases  # of the R modes; no bias row
    nearest: jax.Array  # (N,) int32: nearest head vertex


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BakedPoints:
    """N points under one latent."""

    rest: BakedRest
    x_fc: jax.Array  # (N, 3)
    scale: jax.Array  # (N,): share of the cloud's radius
    inner: jax.Array  # (N,) bool: belongs to an eyeball or the inside of the mouth
    albedo: jax.Array  # (N, 3)
    seg_logit: jax.Array  # (N,)
    opacity: jax.Array  # (N,) in [0, 1]


def bake_points(points: CanonicalPoints, bases: Bases, *, dtype: DTypeLike) -> BakedPoints:
    """The same points under a network's bases. Weights and modes, which are most of the memory, are kept as `dtype`."""
    mode_map, mode_bases = principal_modes(bases, feature_moments(points.rest, points.rest_by_x_sc))
    return _laid_out(points, mode_map, mode_bases, dtype=np.dtype(dtype))


@functools.partial(jax.jit, static_argnames="dtype")
def _laid_out(points: CanonicalPoints, mode_map: jax.Array, mode_bases: Bases, *, dtype: np.dtype) -> BakedPoints:
    rest, by_x = points.rest, points.rest_by_x_sc
    frame = tangent_frame(points.normals_sc)

    def rows(values: jax.Array, by_x: jax.Array) -> jax.Array:
        """(N, C) and (3, N, C) -> (C, 4, N)."""
        turned = jnp.einsum("nfk,knc->fnc", frame, by_x, precision=jax.lax.Precision.HIGHEST)
        return jnp.transpose(jnp.concatenate([values[None], turned]), (2, 0, 1))

    product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    modes = product(rest.features, mode_map[:-1]) + mode_map[-1][None, :]
    return BakedPoints(
        rest=BakedRest(
            positions_rest=rows(rest.positions_rest, by_x.positions_rest),
            lbs_weights=rows(rest.lbs_weights, by_x.lbs_weights).astype(dtype),
            modes=rows(modes, product(by_x.features, mode_map[:-1])).astype(dtype),
            mode_bases=mode_bases,
            nearest=points.nearest,
        ),
        x_fc=points.x_fc,
        scale=points.scale,
        inner=points.inner,
        albedo=points.albedo,
        seg_logit=points.seg_logit,
        opacity=points.opacity,
    )


def tangent_frame(normals: jax.Array) -> jax.Array:
    """Rows a, b, n with a x b = n: unit normals (N, 3) -> (N, 3, 3); of a zero normal all three are zero.

    Duff et al. 2017, *Building an orthonormal basis, revisited*.
    """
    x, y, z = (normals[:, axis] for axis in range(3))
    length = x * x + y * y + z * z  # 1 or 0
    sign = jnp.where(z < 0.0, -1.0, 1.0)
    p = -1.0 / (sign + z)
    q = x * y * p
    a = jnp.stack([1.0 + sign * x * x * p, sign * q, -sign * x], axis=-1)
    b = jnp.stack([q, sign + y * y * p, -y], axis=-1)
    return jnp.stack([a * length[:, None], b * length[:, None], normals], axis=1)


def pose_baked(rest: BakedRest, motion: FrameMotion, *, head_prior: bool) -> PosedPoints:
    """Deformed positions and normals of one frame: `posing.pose_points` with its derivatives.

    `head_prior`: the modes are residuals on the bases of the nearest head vertex.
    """
    offset = motion.shape_offset + motion.blend_offset if head_prior else motion.shape_offset
    by_vertex = offset[rest.nearest]
    basis_map = rest.mode_bases.motion(motion.pose_feature_delta, motion.expression_delta)
    modes = rest.modes.astype(jnp.float32).reshape(len(basis_map), -1)
    by_modes = jnp.matmul(basis_map.T, modes, precision=jax.lax.Precision.HIGHEST).reshape(3, *rest.modes.shape[1:])
    moved = [rest.positions_rest[c, 0] + by_modes[c, 0] + by_vertex[:, c] for c in range(3)]
    moved_by = [[rest.positions_rest[c, k] + by_modes[c, k] for c in range(3)] for k in (1, 2, 3)]
    positions, jacobian = _skin(moved, moved_by, rest.lbs_weights.astype(jnp.float32), motion.T_d_rest)
    across = _cross(jacobian[0], jacobian[1])
    side = jnp.where(_dot(across, jacobian[2]) < 0.0, -1.0, 1.0)
    return PosedPoints(_side_by_side(positions), normalize(_side_by_side([side * c for c in across])))


def _skin(moved: Vector, moved_by: list[Vector], weights: jax.Array, bones: jax.Array) -> tuple[Vector, list[Vector]]:
    """x^d and its derivatives along a, b and n, by weights (6, 4, N) of bones (6, 4, 4).

    Written out: XLA makes one pass over memory of it, where products of many small matrices take ten times as long.
    """
    num_bones = len(bones)
    by_bone = [[_dot(bones[j, c], moved) + bones[j, c, 3] for c in range(3)] for j in range(num_bones)]
    linear = [[sum(weights[j, 0] * bones[j, c, d] for j in range(num_bones)) for d in range(3)] for c in range(3)]

    def blended(k: int, c: int) -> jax.Array:
        return sum((weights[j, k] * by_bone[j][c] for j in range(num_bones)), jnp.float32(0.0))

    positions = [blended(0, c) for c in range(3)]
    return positions, [[blended(k, c) + _dot(linear[c], moved_by[k - 1]) for c in range(3)] for k in (1, 2, 3)]


def _dot(u, v) -> jax.Array:
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def _cross(u: Vector, v: Vector) -> Vector:
    return [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]


def _side_by_side(vector: Vector) -> jax.Array:
    """(N, 3). A sum, since XLA's CPU compiler turns a concatenation of computed rows into a slow loop."""
    return sum((c[:, None] * axis[None, :] for c, axis in zip(vector, jnp.eye(3))), jnp.float32(0.0))
