"""Linear blend skinning of a `HeadModel`: FLAME's equations (Li et al. 2017, section 3).

Head units, FLAME's axes, radians. Every function is pure JAX, differentiable (finite at zero rotation)
and takes one frame; use `jax.vmap` for more. Precision is pinned to float32: accelerators would otherwise
round products to TF32 or bfloat16, which moves vertices by tenths of a millimetre.
"""

import functools

import jax
import jax.numpy as jnp

from pegasus_jax.flame.model import NUM_JOINTS, PARENTS, HeadModel

_ANGLE_SHIFT = 1e-8  # added to each component before the norm, as FLAME does: keeps d|v|/dv finite at zero

_einsum = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)


def rodrigues(axis_angle: jax.Array) -> jax.Array:
    """Rotation matrices (*, 3, 3) of `axis_angle` (*, 3) radians: I + sin K + (1 - cos) K^2."""
    axis_angle = jnp.asarray(axis_angle)
    angle = jnp.linalg.norm(axis_angle + _ANGLE_SHIFT, axis=-1, keepdims=True)
    x, y, z = jnp.moveaxis(axis_angle / angle, -1, 0)
    zero = jnp.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    skew = jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)
    sin, cos = jnp.sin(angle)[..., None], jnp.cos(angle)[..., None]
    identity = jnp.broadcast_to(jnp.eye(3, dtype=skew.dtype), skew.shape)
    return identity + sin * skew + (1.0 - cos) * _einsum("...ij,...jk->...ik", skew, skew)


def pose_feature(pose: jax.Array) -> jax.Array:
    """What drives the correctives, (36,): R_j - I of the four non-root joints, row-major; `pose` (15,)."""
    rotations = rodrigues(jnp.reshape(pose, (NUM_JOINTS, 3))[1:])
    identity = jnp.eye(3, dtype=rotations.dtype)
    return jnp.reshape(rotations - identity[None], (-1,))


def shaped_vertices(head: HeadModel, betas: jax.Array, expression: jax.Array) -> jax.Array:
    """The unposed mesh (V, 3): template, moved by `betas` (100,) and `expression` (50,) along their bases."""
    shape = _einsum("vck,k->vc", head.shapedirs, betas)
    return jnp.asarray(head.v_template) + shape + _einsum("vck,k->vc", head.exprdirs, expression)


def joints(head: HeadModel, betas: jax.Array, expression: jax.Array) -> jax.Array:
    """Rest joints (5, 3). They follow the expression too, since the regressor reads the shaped vertices."""
    return _einsum("jv,vc->jc", head.J_regressor, shaped_vertices(head, betas, expression))


def joint_transforms(head: HeadModel, betas: jax.Array, expression: jax.Array, pose: jax.Array) -> jax.Array:
    """A_j (5, 4, 4): what each joint does to a point given in the rest pose, along the kinematic chain."""
    return chain(joints(head, betas, expression), pose)


def vertices(head: HeadModel, betas: jax.Array, expression: jax.Array, pose: jax.Array) -> jax.Array:
    """The posed mesh (V, 3) in head units.

    `betas` (100,), `expression` (50,), `pose` (15,) radians. Correctives are added before skinning.
    """
    shaped = shaped_vertices(head, betas, expression)
    transforms = chain(_einsum("jv,vc->jc", head.J_regressor, shaped), pose)
    corrected = shaped + _einsum("k,kvc->vc", pose_feature(pose), head.posedirs)
    blended = _einsum("vj,jab->vab", head.lbs_weights, transforms)
    return _einsum("vab,vb->va", blended[:, :3, :3], corrected) + blended[:, :3, 3]


def chain(rest_joints: jax.Array, pose: jax.Array) -> jax.Array:
    """A_j (5, 4, 4) of rest joints (5, 3) and pose (15,): rotations down the tree, translations that fix each joint."""
    local = rodrigues(jnp.reshape(pose, (NUM_JOINTS, 3)))
    rotations, positions = [local[0]], [rest_joints[0]]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        bone = rest_joints[joint] - rest_joints[parent]
        positions.append(_einsum("ij,j->i", rotations[parent], bone) + positions[parent])
        rotations.append(_einsum("ij,jk->ik", rotations[parent], local[joint]))
    rotation, position = jnp.stack(rotations), jnp.stack(positions)
    translation = position - _einsum("jab,jb->ja", rotation, rest_joints)
    affine = jnp.concatenate([rotation, translation[:, :, None]], axis=-1)
    last_row = jnp.broadcast_to(jnp.array([0.0, 0.0, 0.0, 1.0], affine.dtype), (NUM_JOINTS, 1, 4))
    return jnp.concatenate([affine, last_row], axis=-2)
