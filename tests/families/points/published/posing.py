"""Oracle: the FLAME head and how points are posed (spec 2).

World: head units (FLAME metres x 4), x to the subject's left, y up, z out of the face.
"""

from typing import NamedTuple

import numpy as np

from tests.families.points.published.networks import Deformation, Dual, concatenate, constant, contract

PARENTS = (-1, 0, 1, 1, 1)  # spec 2.1: root, neck, jaw, two eyes
NUM_SHAPE = 100
JAW_OPENING, CANONICAL_JAW = 6, 0.4  # spec 2.2


class Head(NamedTuple):
    """Buffers of the FLAME head without its template; bases in head units (already x 4, spec 2.1)."""

    shapedirs: np.ndarray  # (V, 3, 100)
    exprdirs: np.ndarray  # (V, 3, 50)
    posedirs: np.ndarray  # (36, V, 3)
    J_regressor: np.ndarray  # (5, V)
    lbs_weights: np.ndarray  # (V, 5)


class Articulation(NamedTuple):
    """What a pose does to every point."""

    transforms: np.ndarray  # (6, 4, 4), the ghost bone's identity first (spec 2.3)
    feature: np.ndarray  # (36,) f(theta)


def rodrigues(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix of an axis-angle vector, with the published 1e-8 (spec 2.1)."""
    angle = np.sqrt(((vector + 1e-8) ** 2).sum())
    x, y, z = vector / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


def joint_transforms(rotations: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Kinematic chain: (5, 4, 4) transforms relative to the rest joints (spec 2.1)."""
    world = np.zeros((len(joints), 4, 4))
    for j, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = rotations[j]
        local[:3, 3] = joints[j] if parent < 0 else joints[j] - joints[parent]
        world[j] = local if parent < 0 else world[parent] @ local
    relative = world.copy()
    relative[:, :3, 3] -= np.einsum("jab,jb->ja", world[:, :3, :3], joints)
    return relative


def shaped_vertices(head: Head, template: np.ndarray, betas: np.ndarray, expression: np.ndarray) -> np.ndarray:
    return template + head.shapedirs @ betas + head.exprdirs @ expression


def articulate(
    head: Head, template: np.ndarray, betas: np.ndarray, expression: np.ndarray, pose: np.ndarray
) -> Articulation:
    """Joint transforms with the ghost bone, and the pose feature; joints depend on beta and psi (spec 2.1, 2.3)."""
    rotations = np.stack([rodrigues(vector) for vector in pose.reshape(5, 3)])
    joints = head.J_regressor @ shaped_vertices(head, template, betas, expression)
    transforms = np.concatenate([np.eye(4)[None], joint_transforms(rotations, joints)])
    return Articulation(transforms, (rotations[1:] - np.eye(3)).reshape(-1))


def posed_vertices(
    head: Head, template: np.ndarray, betas: np.ndarray, expression: np.ndarray, pose: np.ndarray
) -> np.ndarray:
    """The posed head (V, 3)."""
    articulation = articulate(head, template, betas, expression, pose)
    rest = shaped_vertices(head, template, betas, expression)
    rest = rest + np.einsum("k,kvi->vi", articulation.feature, head.posedirs)
    blended = np.einsum("vj,jab->vab", head.lbs_weights, articulation.transforms[1:])
    return np.einsum("vab,vb->va", blended[:, :3, :3], rest) + blended[:, :3, 3]


def canonical_pose() -> np.ndarray:
    pose = np.zeros(15)
    pose[JAW_OPENING] = CANONICAL_JAW
    return pose


def nearest(points: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Index (N,) of the vertex nearest to each point."""
    return np.array([((vertices - point) ** 2).sum(axis=1).argmin() for point in points], dtype=np.int64)


def homogeneous(x: Dual) -> Dual:
    return concatenate(x, constant(np.ones((len(x.value), 1))))


def unpose(transforms: Dual, x: Dual) -> Dual:
    """T^{-1} x for (N, 4, 4) and (N, 3); from T y = x follows dy = T^{-1} (dx - dT y)."""
    target = homogeneous(x)
    value = np.linalg.solve(transforms.value, target.value[..., None])[..., 0]
    moved = np.einsum("nabz,nb->naz", transforms.tangent, value)
    return Dual(value, np.linalg.solve(transforms.value, target.tangent - moved)).columns(0, 3)


def repose(transforms: Dual, x: Dual) -> Dual:
    """T x for (N, 4, 4) and (N, 3)."""
    source = homogeneous(x)
    value = np.einsum("nab,nb->na", transforms.value, source.value)
    tangent = np.einsum("nabz,nb->naz", transforms.tangent, source.value)
    return Dual(value, tangent + np.einsum("nab,nbz->naz", transforms.value, source.tangent)).columns(0, 3)


class Posing(NamedTuple):
    """The two states between which points move: canonical (beta = 0) and posed."""

    canonical: Articulation
    canonical_expression: np.ndarray  # (50,)
    posed: Articulation
    expression: np.ndarray  # (50,)
    betas: np.ndarray  # (100,)


def pose_points(x_fc: Dual, deformation: Deformation, shape_basis: np.ndarray, posing: Posing) -> Dual:
    """x^d from x^fc: unpose out of the canonical state, then pose (spec 2.4).

    `shape_basis` (N, 3, 100) is S, a constant; its canonical term vanishes because beta_c = 0.
    """

    def offsets(expression: np.ndarray, feature: np.ndarray) -> Dual:
        by_expression = contract("nik,k->ni", deformation.expression_basis, expression)
        return by_expression + contract("nki,k->ni", deformation.pose_basis, feature)

    canonical_transforms = contract("nj,jab->nab", deformation.weights, posing.canonical.transforms)
    posed_transforms = contract("nj,jab->nab", deformation.weights, posing.posed.transforms)
    rest = unpose(canonical_transforms, x_fc) - offsets(posing.canonical_expression, posing.canonical.feature)
    shaped = rest + constant(shape_basis @ posing.betas) + offsets(posing.expression, posing.posed.feature)
    return repose(posed_transforms, shaped)
