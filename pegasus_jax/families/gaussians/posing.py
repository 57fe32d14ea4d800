"""From parameters and a frame's expression and pose to Gaussians in space.

The head's bases move each Gaussian's place and tangents, linear blend skinning turns them, and the frame of tangents
and normal carries offset and covariance, stretch included: a cheek that widens has wider Gaussians.
"""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.families.gaussians.params import Mixer, Params, opacities
from pegasus_jax.families.gaussians.rig import NUM_BONES, Rig, driving_numbers
from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import NUM_JOINTS

_EXACT = jax.lax.Precision.HIGHEST

# Written component by component, rows of N numbers: XLA's CPU compiler (jax 0.10.2) gets the sum of products of stacked
# arrays wrong that `jnp.sum(frame[:, :, None] * axes[None], axis=1)` would be: all columns became the first.
Vector = tuple[jax.Array, ...]  # 3 x (N,)
Matrix = tuple[tuple[jax.Array, ...], ...]  # 3 x 4 x (N,): an affine map of each Gaussian


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PosedGaussians:
    """N Gaussians of one frame, in the axes of the transform that they were posed with. Head units."""

    means: jax.Array  # (3, N)
    factors: jax.Array  # (3, 3, N): F of the covariance F F^T; its columns are the three axes, scaled
    opacities: jax.Array  # (N,) in [0, 1]
    colours: jax.Array  # (3, N) in [0, 1]


def pose_gaussians(
    params: Params,
    rig: Rig,
    expression: jax.Array,
    pose: jax.Array,
    *,
    T_camera_world: jax.Array | None = None,
    noise: jax.Array | float = 0.0,
) -> PosedGaussians:
    """Returns the Gaussians of one frame.

    Args:
      params: what was learned.
      rig: what moves it.
      expression: (50,).
      pose: (15,) radians.
      T_camera_world: (3, 4), into whose axes they are moved at once; None leaves them in the world's.
      noise: (62,), or one number, added to the standardised driving numbers.
    """
    places, first, second = _moved(rig, expression, pose)
    matrix = _blended(rig, expression, pose, T_camera_world)
    tangent, other = _turned(matrix, first), _turned(matrix, second)
    frame = (tangent, other, _unit_normal(tangent, other))
    offset, quaternion, colour = _corrected(params, rig, expression, pose, noise)
    moved = _combined(frame, offset)
    means = jnp.stack([row + matrix[i][3] + off for i, (row, off) in enumerate(zip(_turned(matrix, places), moved))])
    turned = rotation_columns(quaternion)
    scales = jnp.exp(params.log_scale)
    factors = jnp.stack([jnp.stack([scales[j] * x for x in _combined(frame, turned[j])]) for j in range(3)], axis=1)
    return PosedGaussians(means, factors, opacities(params, rig), jnp.clip(colour, 0.0, 1.0))


def basis_weights(mixer: Mixer, rig: Rig, driving: jax.Array, *, noise: jax.Array | float = 0.0) -> jax.Array:
    """Returns the weights (K,) of the bases for the driving numbers (62,), held to the range that the clip has shown.

    Beyond it the head's own bases move Gaussians on; what the bases learned there would be noise.
    """
    held = jnp.clip(driving, rig.driving_low, rig.driving_high)
    standardised = (held - rig.driving_mean) / rig.driving_deviation
    return jnp.tanh((standardised + noise) @ mixer.kernel_in + mixer.bias_in) @ mixer.kernel_out + mixer.bias_out


def rotation_columns(quaternion: jax.Array) -> tuple[Vector, Vector, Vector]:
    """Returns the columns of the rotations by quaternions (4, N), w first, of any length but zero."""
    w, x, y, z = quaternion * jax.lax.rsqrt(jnp.sum(quaternion * quaternion, axis=0) + 1e-12)[None]
    return (
        (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y)),
        (2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x)),
        (2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)),
    )


def _moved(rig: Rig, expression: jax.Array, pose: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Places and two tangents, (3, N) each, before skinning."""
    numbers = jnp.concatenate([expression, lbs.pose_feature(pose)[rig.pose_features]])
    directions, _, moving = rig.motion.shape
    change = (numbers @ rig.motion.reshape(directions, -1)).reshape(-1, moving)
    moved = rig.rest + jnp.pad(change, ((0, 0), (0, rig.num_gaussians - moving)))
    return moved[0:3], moved[3:6], moved[6:9]


def _blended(rig: Rig, expression: jax.Array, pose: jax.Array, T_camera_world: jax.Array | None) -> Matrix:
    """Each Gaussian's own affine map, the camera's included."""
    joints = rig.joints + (expression @ rig.joint_motion).reshape(NUM_JOINTS, 3)
    bones = jnp.concatenate([jnp.eye(3, 4)[None], lbs.chain(joints, pose)[:, :3]])
    if T_camera_world is not None:
        turned = jnp.einsum("ab,jbc->jac", T_camera_world[:, :3], bones, precision=_EXACT)
        bones = turned.at[:, :, 3].add(T_camera_world[:, 3])
    blended = jnp.matmul(bones.reshape(NUM_BONES, 12).T, rig.lbs_weights, precision=_EXACT)
    return tuple(tuple(blended[4 * i + j] for j in range(4)) for i in range(3))


def _turned(matrix: Matrix, vectors: jax.Array) -> Vector:
    """The linear part of each map on its vector (3, N)."""
    x, y, z = vectors
    return tuple(row[0] * x + row[1] * y + row[2] * z for row in matrix)


def _combined(columns: tuple[Vector, Vector, Vector], weights: Vector | jax.Array) -> Vector:
    """The sum of three columns, each times its weight."""
    a, b, c = columns
    return tuple(a[i] * weights[0] + b[i] * weights[1] + c[i] * weights[2] for i in range(3))


def _unit_normal(first: Vector, second: Vector) -> Vector:
    (a, b, c), (x, y, z) = first, second
    normal = (b * z - c * y, c * x - a * z, a * y - b * x)
    inverse = jax.lax.rsqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2 + 1e-8)
    return tuple(value * inverse for value in normal)


def _corrected(
    params: Params, rig: Rig, expression: jax.Array, pose: jax.Array, noise: jax.Array | float
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Offset (3, N) in head units, quaternion (4, N) and colour (3, N), with what the bases add."""
    offset, quaternion, colour = params.offset * rig.freedom[None], params.quaternion, params.colour
    if not params.num_bases:
        return offset, quaternion, colour
    weights = basis_weights(params.mixer, rig, driving_numbers(expression, pose), noise=noise)

    def added(basis: jax.Array) -> jax.Array:
        return (weights @ basis.reshape(len(basis), -1)).reshape(basis.shape[1:])

    bases, share = params.bases, rig.basis_share[None]
    turned = jnp.concatenate([quaternion[:1], quaternion[1:] + share * added(bases.rotation)])
    return offset + rig.basis_freedom[None] * added(bases.offset), turned, colour + share * added(bases.colour)
