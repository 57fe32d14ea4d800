"""Points of baked looks as named NumPy arrays; sets of points of several avatars join into one.

A set is told relative to one canonical state and one person's shape, so that sets of avatars with other ones agree.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.points.baked import BakedPointLook
from pegasus_jax.flame import lbs

Set = dict[str, np.ndarray]
_POINTS = {  # the axis along which the arrays of N points lie
    "positions_rest": 2,
    "lbs_weights": 2,
    **dict.fromkeys(("vertex", "table", "albedo", "seg_logit", "opacity", "inner", "radius"), 0),
}
_SHARED = {  # the axis along which those lie that points refer to
    **dict.fromkeys(("vertex_offset", "vertex_expression", "mode_pose", "mode_expression", "shading"), 0),
    "vertex_pose": 1,
}


def common_arrays(space: HeadSpace, betas: jax.Array) -> Set:
    """What all points share: the joints of a person of this shape, and the canonical state."""
    head = space.head
    neutral = jnp.zeros_like(space.expression_c)
    arrays = {
        "joints": lbs.joints(head, betas, neutral),
        "joints_by_expression": jnp.einsum("jv,vck->jck", head.J_regressor, head.exprdirs),
        "expression_c": space.expression_c,
        "pose_feature_c": space.pose_feature_c,
    }
    return {name: np.asarray(array) for name, array in arrays.items()}


def point_set(baked: BakedPointLook, chosen: np.ndarray, *, space: HeadSpace, betas: jax.Array) -> Set:
    """The `chosen` (M,) of a look's points, relative to the canonical state of `space` and the shape `betas` (100,).

    From another canonical state to this one what the bases add differs by a constant, which goes into the rest.
    """
    head, rest = baked.space.head, baked.points.rest
    vertices, vertex = np.unique(np.asarray(rest.nearest)[chosen], return_inverse=True)
    prior = 1.0 if baked.head_prior else 0.0
    by_pose = prior * jnp.asarray(head.posedirs)[:, vertices]
    by_expression = prior * jnp.asarray(head.exprdirs)[vertices]
    pose_feature = space.pose_feature_c - baked.space.pose_feature_c
    expression = space.expression_c - baked.space.expression_c
    modes = np.asarray(rest.modes)[:, :, chosen]
    moved = np.einsum("rc,rkn->ckn", rest.mode_bases.motion(pose_feature, expression), modes.astype(np.float32))
    arrays = {
        "positions_rest": np.asarray(rest.positions_rest)[:, :, chosen] + moved,
        "lbs_weights": np.asarray(rest.lbs_weights)[:, :, chosen],
        "modes": modes,
        "mode_pose": rest.mode_bases.pose,
        "mode_expression": rest.mode_bases.expression,
        "vertex": vertex.astype(np.int32),
        "vertex_offset": (jnp.asarray(head.shapedirs) @ betas)[vertices]
        + jnp.einsum("kvc,k->vc", by_pose, pose_feature)
        + by_expression @ expression,
        "vertex_pose": by_pose,
        "vertex_expression": by_expression,
        "albedo": np.asarray(baked.points.albedo)[chosen],
        "table": np.zeros(len(chosen), np.int32),
        "shading": baked.shading[None],
        "seg_logit": np.asarray(baked.points.seg_logit)[chosen],
        "opacity": np.asarray(baked.points.opacity)[chosen],
        "inner": np.asarray(baked.points.inner)[chosen],
        "radius": np.asarray(baked.radius * baked.points.scale)[chosen],
    }
    return {name: np.asarray(array) for name, array in arrays.items()}


def joined(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> Set:
    """Both sets as one, the points of the first before those of the second."""
    rows = {"vertex": len(first["vertex_offset"]), "table": len(first["shading"])}
    second = dict(second) | {name: second[name] + np.int32(count) for name, count in rows.items()}
    arrays = {name: np.concatenate([first[name], second[name]], axis) for name, axis in (_POINTS | _SHARED).items()}
    return arrays | {"modes": _block_diagonal(first["modes"], second["modes"])}


def _block_diagonal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(R, 4, M) and (S, 4, N) -> (R + S, 4, M + N): a point has no share in the other set's modes."""
    (r, _, m), (s, _, n) = first.shape, second.shape
    modes = np.zeros((r + s, 4, m + n), first.dtype)
    modes[:r, :, :m], modes[r:, :, m:] = first, second
    return modes
