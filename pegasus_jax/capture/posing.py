"""Projected points of a posed head with their derivatives by all unknowns.

Automatic differentiation would push each of 166 directions through every vertex. But posing is linear in shape and
expression once the pose is known, so those 150 columns are the bases themselves, turned like their vertices, plus the
shift of the joints; only the 15 pose columns and 5 x 3 joint coordinates are left to `jax.jacfwd`. About thirty times
fewer operations; the tests compare both.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.submesh import submesh
from pegasus_jax.capture.track import pose_of
from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import NUM_BETAS, NUM_EXPRESSION, POSE_SIZE, HeadModel


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PointModel:
    """P points on a head, each a fixed combination of three vertices, or one vertex."""

    vertices: HeadModel  # the K vertices that carry the points, see `submesh`
    joints: HeadModel  # the five joints alone
    corners: jax.Array  # (P, 3 or 1) int32: rows of `vertices`
    bary: jax.Array  # (P, 3 or 1)


def point_model(head: HeadModel, corners: np.ndarray, bary: np.ndarray) -> PointModel:
    """Points at barycentrics `bary` (P, 3) of the vertices `corners` (P, 3) of `head`."""
    kept, inverse = np.unique(corners, return_inverse=True)
    return PointModel(
        vertices=jax.tree.map(jnp.asarray, submesh(head, kept)),
        joints=jax.tree.map(jnp.asarray, submesh(head, np.zeros(0, np.int64))),
        corners=jnp.asarray(inverse.reshape(corners.shape), jnp.int32),
        bary=jnp.asarray(bary, jnp.float32),
    )


def vertex_points(head: HeadModel, vertex_ids: np.ndarray, *, shift: np.ndarray | None = None) -> PointModel:
    """The vertices `vertex_ids` (P,) of `head` as points, moved by `shift` (V, 3) of all vertices in the rest pose."""
    model = point_model(head, vertex_ids[:, None], np.ones((len(vertex_ids), 1), np.float32))
    if shift is None:
        return model
    kept = np.unique(vertex_ids)
    # The joints, which ride along behind the vertices, stay.
    template = np.array(model.vertices.v_template)
    template[: len(kept)] += shift[kept]
    lifted = dataclasses.replace(model.vertices, v_template=template)
    return dataclasses.replace(model, vertices=jax.tree.map(jnp.asarray, lifted))


def points(model: PointModel, row: jax.Array, shared: jax.Array) -> jax.Array:
    """The points (P, 3), head units, at a frame's row (65,) and the shared row (101,)."""
    posed = lbs.vertices(model.vertices, shared[columns.BETAS], row[columns.EXPRESSION], pose_of(row))
    return jnp.sum(posed[model.corners] * model.bary[..., None], axis=1)


def project_with_jacobian(
    model: PointModel, row: jax.Array, shared: jax.Array, *, with_shared: bool = True
) -> tuple[jax.Array, jax.Array]:
    """Positions (P, 2) in crop sides and their derivatives (P, 2, 166): frame's unknowns, then shared ones.

    Without `with_shared` only those by the frame's 65 unknowns.
    """
    posed, by_pose, by_coefficients = _posed_with_jacobian(model, row, shared, with_shared)
    picture, by_point, by_camera = _projection_with_jacobian(posed, row, shared)
    by_pose = jnp.einsum("pac,pck->pak", by_point, by_pose)
    by_coefficients = jnp.einsum("pac,pck->pak", by_point, by_coefficients)
    by_expression, by_betas = by_coefficients[..., :NUM_EXPRESSION], by_coefficients[..., NUM_EXPRESSION:]
    by_placement, by_focal = by_camera[..., :3], by_camera[..., 3:]
    # The order of track.py; the three global angles are not unknowns.
    jacobian = [by_pose[..., 3:], by_placement, by_expression]
    return picture, jnp.concatenate(jacobian + ([by_betas, by_focal] if with_shared else []), axis=-1)


def _posed_with_jacobian(model: PointModel, row, shared, with_shared: bool):
    """(P, 3), by pose (P, 3, 15), by expression and (where wanted) betas (P, 3, 50 or 150)."""
    head, betas, expression, pose = model.vertices, shared[columns.BETAS], row[columns.EXPRESSION], pose_of(row)
    num_betas = NUM_BETAS if with_shared else 0

    def transforms(pose, coefficients):
        varied = betas.at[:num_betas].set(coefficients[NUM_EXPRESSION:])
        return lbs.joint_transforms(model.joints, varied, coefficients[:NUM_EXPRESSION], pose)[:, :3]

    coefficients = jnp.concatenate([expression, betas[:num_betas]])
    joint = transforms(pose, coefficients)
    joint_by_pose, joint_by_coefficients = jax.jacfwd(transforms, argnums=(0, 1))(pose, coefficients)

    correctives = jnp.einsum("k,kvc->vc", lbs.pose_feature(pose), head.posedirs)
    rest = lbs.shaped_vertices(head, betas, expression) + correctives
    rest_by_pose = jnp.einsum("kvc,kp->vcp", head.posedirs, jax.jacfwd(lbs.pose_feature)(pose))
    bases = jnp.concatenate([head.exprdirs, head.shapedirs[..., :num_betas]], axis=-1)
    blend = jnp.einsum("vj,jab->vab", head.lbs_weights, joint)
    blend_by_pose = jnp.einsum("vj,jabp->vabp", head.lbs_weights, joint_by_pose)
    turn = blend[..., :3]
    posed = jnp.einsum("vab,vb->va", turn, rest) + blend[..., 3]
    by_pose = jnp.einsum("vabp,vb->vap", blend_by_pose[:, :, :3], rest) + blend_by_pose[:, :, 3]
    by_pose += jnp.einsum("vab,vbp->vap", turn, rest_by_pose)
    by_coefficients = jnp.einsum("vab,vbk->vak", turn, bases)
    by_coefficients += jnp.einsum("vj,jak->vak", head.lbs_weights, joint_by_coefficients[:, :, 3])
    stacked = jnp.concatenate([posed[..., None], by_pose, by_coefficients], axis=-1)
    at_points = jnp.einsum("pi,piak->pak", model.bary, stacked[model.corners])
    return at_points[..., 0], at_points[..., 1 : 1 + POSE_SIZE], at_points[..., 1 + POSE_SIZE :]


def _projection_with_jacobian(posed, row, shared):
    """(P, 2), by the point (P, 2, 3), by placement and log focal length (P, 2, 4)."""
    camera = jnp.concatenate([row[columns.PLACEMENT], shared[columns.LOG_FOCAL][None]])

    def one(point, camera):
        return columns.project_point(point, camera[:3], camera[3])

    picture = jax.vmap(one, (0, None))(posed, camera)
    by_point, by_camera = jax.vmap(jax.jacfwd(one, argnums=(0, 1)), (0, None))(posed, camera)
    return picture, by_point, by_camera
