"""Gaussians of one frame as exporters, fusion and the viewer take them: axes and lengths instead of factors."""

import jax
import jax.numpy as jnp
from jax.scipy.spatial.transform import Rotation

from pegasus_jax.core.avatar import Primitives
from pegasus_jax.core.camera import Camera
from pegasus_jax.families.gaussians.posing import PosedGaussians


def as_primitives(posed: PosedGaussians, camera: Camera) -> Primitives:
    """Returns Gaussians in world axes as primitives; a normal is the shortest axis, towards the camera."""
    covariances = jnp.einsum("ikn,jkn->nij", posed.factors, posed.factors, precision=jax.lax.Precision.HIGHEST)
    variances, axes = jnp.linalg.eigh(covariances)
    axes = axes * jnp.linalg.det(axes)[:, None, None]  # rotations, not reflections
    x, y, z, w = Rotation.from_matrix(axes).as_quat().T
    means, shortest = posed.means.T, axes[:, :, 0]
    eye = -camera.T_camera_world[:, :3].T @ camera.T_camera_world[:, 3]
    towards = jnp.sum(shortest * (eye[None] - means), axis=1, keepdims=True) > 0
    return Primitives(
        means=means,
        quaternions=jnp.stack([w, x, y, z], axis=1),
        scales=jnp.sqrt(jnp.maximum(variances, 0.0)),
        opacities=posed.opacities,
        colours=posed.colours.T,
        light=jnp.ones_like(means),
        normals=jnp.where(towards, shortest, -shortest),
        alive=jnp.ones(len(means), bool),
    )
