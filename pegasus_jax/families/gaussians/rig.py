"""What moves N Gaussians, computed once from the head and where they are bound: constants, no parameters.

Each Gaussian keeps its own share of the head's bases, for its place and two tangents: one matrix product a frame takes
the place of gathers over vertices. Gaussians that the bases move come first.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.binding import Binding, shaped
from pegasus_jax.flame.model import NECK, NUM_EXPRESSION, NUM_JOINTS, NUM_POSE_FEATURES, POSE_SIZE, HeadModel

NUM_BONES = 1 + NUM_JOINTS  # the ghost bone, which never moves, before the joints
DRIVING_POSE = slice(NECK.start, POSE_SIZE)  # what of a pose drives the bases: not where the person faces
_STILL = 1e-4  # head units per unit of a coefficient: less is no motion
_LEAST_DEVIATION = 0.02  # of a driving number over the clip
_TAIL = 2.0  # percent of the frames on either side that driving numbers are not held to
_NEIGHBOURS = 4
_BASIS_FREEDOM = 0.012  # head units: bases move hair and clothes no farther than skin
_DEPTH_BIASES = {
    parts.EYEBALL: 0.004,
    parts.MOUTH: 0.004,
    parts.TEETH: 0.004,
}  # head units: lids and lips sort in front


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Rig:
    """N Gaussians on a head of one shape; M of them, the first, move with expression and correctives.

    D = 50 + P: expression, then the P pose features that the head's correctives use.
    """

    rest: jax.Array  # (9, N) head units: place and two tangents at rest, zero expression
    motion: jax.Array  # (D, 9, M): their change with each driving number
    pose_features: jax.Array  # (P,) int32: which of the 36
    lbs_weights: jax.Array  # (6, N): ghost bone, then the joints
    joints: jax.Array  # (5, 3) at rest
    joint_motion: jax.Array  # (50, 15): their change with the expression
    freedom: jax.Array  # (N,) head units: unit of offsets
    basis_freedom: jax.Array  # (N,) head units: unit of what bases add to offsets; 0 where they add nothing
    basis_share: jax.Array  # (N,) 0 or 1: whether bases change this Gaussian
    spacing: jax.Array  # (N,) head units: mean distance to the nearest neighbours at rest
    depth_bias: jax.Array  # (N,) head units: by how much it sorts farther than it is
    part: jax.Array  # (N,) int32
    driving_mean: jax.Array  # (62,) of expression, neck, jaw and eyes over the clip
    driving_deviation: jax.Array  # (62,)
    driving_low: jax.Array  # (62,): bases are held to what the clip has shown
    driving_high: jax.Array  # (62,)

    @property
    def driving(self) -> np.ndarray:
        """(4, 62): the `driving_range` that it was built with."""
        return np.stack([self.driving_mean, self.driving_deviation, self.driving_low, self.driving_high])

    @property
    def num_gaussians(self) -> int:
        """N."""
        return self.rest.shape[1]


def build_rig(head: HeadModel, betas: np.ndarray, binding: Binding, driving: np.ndarray) -> tuple[Rig, Binding]:
    """Returns the rig of Gaussians on a head, and the binding in the rig's order.

    Args:
      head: the head model.
      betas: (100,) the person's shape.
      binding: of the N Gaussians.
      driving: (4, 62) `driving_range` of the training frames.
    """
    features = used_pose_features(head)
    order, num_moving = moving_first(head, binding)
    binding = jax.tree.map(lambda array: array[order], binding)
    place, tangents, coordinates = frames(head, betas, binding)
    motion = _motion(head, jax.tree.map(lambda array: array[:num_moving], binding), coordinates)
    regressor = np.asarray(head.J_regressor)
    joint_motion = np.einsum("jv,vck->kjc", regressor, np.asarray(head.exprdirs)).reshape(NUM_EXPRESSION, -1)
    freedom = parts.freedoms(binding.part)
    share = ~np.isin(binding.part, (parts.MOUTH, parts.TEETH))
    floats = {
        "rest": np.concatenate([place.T, *np.moveaxis(tangents, 1, 0).transpose(0, 2, 1)]),
        "motion": motion,
        "lbs_weights": _bone_weights(head, binding).T,
        "joints": regressor @ shaped(head, betas),
        "joint_motion": joint_motion,
        "freedom": freedom,
        "basis_freedom": np.where(share, np.minimum(freedom, _BASIS_FREEDOM), 0.0),
        "basis_share": share,
        "spacing": _spacing(place, binding.part),
        "depth_bias": np.array([_DEPTH_BIASES.get(part, 0.0) for part in binding.part.tolist()]),
        **dict(zip(("driving_mean", "driving_deviation", "driving_low", "driving_high"), driving)),
    }
    arrays = {name: jnp.asarray(array, jnp.float32) for name, array in floats.items()}
    return Rig(**arrays, pose_features=jnp.asarray(features, jnp.int32), part=jnp.asarray(binding.part)), binding


def moving_first(head: HeadModel, binding: Binding) -> tuple[np.ndarray, int]:
    """Returns the order (N,) of a rig's Gaussians, and how many of them move with expression and correctives."""
    moving = _moving(head, binding)
    return np.argsort(~moving, kind="stable"), int(moving.sum())


def driving_numbers(expression: np.ndarray | jax.Array, pose: np.ndarray | jax.Array) -> jax.Array:
    """Returns what drives the bases, (*, 62): expression (*, 50), then neck, jaw and eyes of the pose (*, 15)."""
    return jnp.concatenate([jnp.asarray(expression), jnp.asarray(pose)[..., DRIVING_POSE]], axis=-1)


def driving_range(driving: np.ndarray) -> np.ndarray:
    """Returns mean, standard deviation, low and high, (4, 62), of the training frames' `driving_numbers` (B, 62)."""
    low, high = np.percentile(driving, (_TAIL, 100.0 - _TAIL), axis=0)
    return np.stack([driving.mean(axis=0), np.maximum(driving.std(axis=0), _LEAST_DEVIATION), low, high])


def used_pose_features(head: HeadModel) -> np.ndarray:
    """Returns which of the 36 pose features (P,) the head's correctives use: all of FLAME's, two of an open head's."""
    used = np.abs(np.asarray(head.posedirs)).reshape(NUM_POSE_FEATURES, -1).max(axis=1) > 0
    return np.flatnonzero(used)


def directions(head: HeadModel) -> np.ndarray:
    """Returns how each driving number, expression then used pose features, moves the vertices: (D, V, 3)."""
    features = used_pose_features(head)
    return np.concatenate([np.moveaxis(np.asarray(head.exprdirs), 2, 0), np.asarray(head.posedirs)[features]])


def _moving(head: HeadModel, binding: Binding) -> np.ndarray:
    """(N,) bool: Gaussians on triangles that expressions or correctives move; what is off the surface is not moved."""
    vertices = np.abs(directions(head)).max(axis=(0, 2)) > _STILL
    return vertices[np.asarray(head.faces)[binding.faces_idx]].any(axis=1) & (binding.part != parts.SHELL)


def frames(head: HeadModel, betas: np.ndarray, binding: Binding) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns places (N, 3), tangents (N, 2, 3), and what tangents are of a triangle's two edges, (N, 2, 2).

    A shell has the axes of the head for tangents.
    """
    vertices = shaped(head, betas)
    corners = vertices[np.asarray(head.faces)[binding.faces_idx]]
    place = np.einsum("nk,nkc->nc", binding.bary, corners) + binding.offset
    edges = corners[:, 1:] - corners[:, :1]
    normals = np.cross(edges[:, 0], edges[:, 1])
    first = _unit(edges[:, 0])
    tangents = np.stack([first, np.cross(_unit(normals), first)], axis=1)
    # tangents = coordinates @ edges: the inverse of the edges' own coordinates, a triangular 2x2 matrix.
    along = np.einsum("nec,ntc->net", edges, tangents)
    coordinates = np.linalg.inv(along + 1e-12 * np.eye(2))
    is_shell = (binding.part == parts.SHELL)[:, None, None]
    return place, np.where(is_shell, np.eye(2, 3), tangents), coordinates


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _motion(head: HeadModel, moving: Binding, coordinates: np.ndarray) -> np.ndarray:
    """(D, 9, M)."""
    corners = directions(head)[:, np.asarray(head.faces)[moving.faces_idx]]  # (D, M, 3, 3)
    place = np.einsum("nk,dnkc->dcn", moving.bary, corners)
    edges = corners[:, :, 1:] - corners[:, :, :1]
    tangents = np.einsum("nte,dnec->dtcn", coordinates[: len(moving)], edges)
    return np.concatenate([place, tangents.reshape(len(tangents), 6, -1)], axis=1)


def _bone_weights(head: HeadModel, binding: Binding) -> np.ndarray:
    """(N, 6). Of a shell, what hangs on the root is the body's, and stays where the ghost bone is."""
    corners = np.asarray(head.lbs_weights)[np.asarray(head.faces)[binding.faces_idx]]
    weights = np.einsum("nk,nkj->nj", binding.bary, corners)
    ghost = np.where(binding.part == parts.SHELL, weights[:, 0], 0.0)
    weights[:, 0] -= ghost
    return np.concatenate([ghost[:, None], weights], axis=1)


def _spacing(place: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(N,): mean distance to the nearest others, of the surface or of the shell."""
    spacing = np.zeros(len(place))
    for rows in (np.flatnonzero(part != parts.SHELL), np.flatnonzero(part == parts.SHELL)):
        if len(rows) > _NEIGHBOURS:
            distance, _ = scipy.spatial.cKDTree(place[rows]).query(place[rows], k=_NEIGHBOURS + 1)
            spacing[rows] = distance[:, 1:].mean(axis=1)
    return spacing
