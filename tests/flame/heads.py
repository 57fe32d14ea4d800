"""Heads for tests: a random one and its independent skinning in float64 NumPy."""

import dataclasses

import jax
import numpy as np

from pegasus_jax.flame import build
from pegasus_jax.flame.model import Embedding, HeadModel

from . import fake_flame


def random_head(seed=0, num_vertices=300):
    """A head of random arrays, float32 as loaded, with a view-dependent contour."""
    fields = build.geometry(fake_flame.arrays(seed, num_vertices), source="random head")
    lmk68 = Embedding(*fake_flame.embedding((68,), seed=seed + 1))
    contour = Embedding(*fake_flame.embedding((79, 17), seed=seed + 2))
    return HeadModel(**fields, lmk68=lmk68, contour=contour, mediapipe=None, iris=None, regions={})


def in_float64(head):
    """The head with float64 arrays."""
    return jax.tree.map(lambda leaf: leaf.astype(np.float64) if leaf.dtype.kind == "f" else leaf, head)


def random_coefficients(seed=0, scale=0.5):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=size) * scale for size in (100, 50, 15))


def flame_rotation(vector):
    """FLAME's rotation matrix: by the angle |v + 1e-8| about v over that angle, which is not quite a unit axis."""
    angle = np.sqrt(((vector + 1e-8) ** 2).sum())
    cross = np.stack([np.cross(vector / angle, axis) for axis in np.eye(3)], axis=-1)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def numpy_vertices(head, betas, expression, pose):
    """(posed vertices, rest joints, transforms): homogeneous matrices composed vertex by vertex."""
    shaped = head.v_template + head.shapedirs @ betas + head.exprdirs @ expression
    rest = head.J_regressor @ shaped
    local = [flame_rotation(vector) for vector in pose.reshape(5, 3)]
    world = []
    for joint, parent in enumerate((None, 0, 1, 1, 1)):
        step = np.eye(4)
        step[:3, :3] = local[joint]
        step[:3, 3] = rest[joint] - (0 if parent is None else rest[parent])
        world.append(step if parent is None else world[parent] @ step)
    transforms = []
    for joint in range(5):
        to_joint = np.eye(4)
        to_joint[:3, 3] = -rest[joint]
        transforms.append(world[joint] @ to_joint)
    feature = np.concatenate([(local[joint] - np.eye(3)).ravel() for joint in range(1, 5)])
    corrected = shaped + np.tensordot(feature, head.posedirs, axes=1)
    posed = np.empty_like(corrected)
    for vertex, point in enumerate(corrected):
        blended = sum(weight * A for weight, A in zip(head.lbs_weights[vertex], transforms))
        posed[vertex] = (blended @ np.append(point, 1.0))[:3]
    return posed, rest, np.stack(transforms)


def replaced(head, **changes):
    return dataclasses.replace(head, **changes)
