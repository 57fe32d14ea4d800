"""The jaw: a hinge, skinning weights and correctives that reproduce ICT's `jawOpen` at one opening.

ICT's lower teeth move rigidly in `jawOpen`: that motion is the joint. What other vertices take of it is their weight;
what no share of it explains is left to the correctives.
"""

import dataclasses

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg

from pegasus_jax.flame.ict.meshes import Topology

_TEETH, _SKIN = "M_Teeth", ("M_Face", "M_BackHead")
_MOVING = 1e-4  # metres: lower teeth move by centimetres, upper ones not at all
_STIFFNESS = 1.5e-5  # square metres: near the hinge, where the jaw's turn moves nothing, neighbours decide the weight
_LEAST_WEIGHT = 0.002


@dataclasses.dataclass(frozen=True)
class Hinge:
    """A turn about the x axis through `joint`."""

    joint: np.ndarray  # (3,) metres, x = 0
    angle: float  # radians at jawOpen = 1; positive opens

    @property
    def rotation(self) -> np.ndarray:
        """(3, 3)."""
        sin, cos = np.sin(self.angle), np.cos(self.angle)
        return np.array([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])

    def offsets(self, positions: np.ndarray) -> np.ndarray:
        """By how much `positions` (V, 3) move if they turn with the jaw."""
        return (positions - self.joint) @ (self.rotation - np.eye(3)).T


def find_hinge(topology: Topology, neutral: np.ndarray, jaw_open: np.ndarray) -> Hinge:
    """The hinge from the lower teeth: `neutral` and offsets `jaw_open` (26719, 3) metres."""
    teeth = topology.of(_TEETH)
    teeth = teeth[np.linalg.norm(jaw_open[teeth], axis=1) > _MOVING]
    before, after = (points[teeth][:, 1:] for points in (neutral, neutral + jaw_open))  # y and z
    a, b = before - before.mean(axis=0), after - after.mean(axis=0)
    angle = np.arctan2(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]), np.sum(a * b))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = after.mean(axis=0) - rotation @ before.mean(axis=0)
    fixed_point = np.linalg.solve(np.eye(2) - rotation, shift)
    return Hinge(np.array([0.0, *fixed_point]), float(angle))


def jaw_weights(topology: Topology, neutral: np.ndarray, jaw_open: np.ndarray, hinge: Hinge) -> np.ndarray:
    """The share (26719,) of the jaw's turn that each vertex takes: least squares, smooth over the skin."""
    turn = hinge.offsets(neutral)
    squared, along = np.sum(turn**2, axis=1), np.sum(turn * jaw_open, axis=1)
    share = along / np.maximum(squared, 1e-12)
    skin = topology.of(*_SKIN)
    laplacian = _laplacian(topology.edges(), len(neutral))[skin][:, skin]
    system = scipy.sparse.diags(squared[skin]) + _STIFFNESS * laplacian
    share[skin] = scipy.sparse.linalg.spsolve(system.tocsc(), along[skin])
    return np.where(share < _LEAST_WEIGHT, 0.0, np.minimum(share, 1.0))


def jaw_posedirs(vertices: np.ndarray, jaw_open: np.ndarray, weights: np.ndarray, hinge: Hinge) -> np.ndarray:
    """Correctives (V, 3, 36) with which skinning by `weights` (V,) at the hinge's angle gives the offsets `jaw_open`.

    They follow the sine of the opening: its two places in the jaw's rotation matrix share them evenly.
    """
    blended = np.eye(3) + weights[:, None, None] * (hinge.rotation - np.eye(3))
    missing = jaw_open - weights[:, None] * hinge.offsets(vertices)
    corrective = np.linalg.solve(blended, missing[:, :, None])[:, :, 0]
    directions = np.zeros((len(vertices), 3, 36))
    directions[:, :, 9 + 7] = corrective / (2 * np.sin(hinge.angle))  # joint 2 of 4, row 2, column 1: sin
    directions[:, :, 9 + 5] = -directions[:, :, 9 + 7]  # row 1, column 2: -sin
    return directions


def before_opening(offsets: np.ndarray, weights: np.ndarray, hinge: Hinge) -> np.ndarray:
    """Offsets (V, 3) to add before the jaw opens, for those that ICT adds to the open jaw."""
    blended = np.eye(3) + weights[:, None, None] * (hinge.rotation - np.eye(3))
    return np.linalg.solve(blended, offsets[:, :, None])[:, :, 0]


def _laplacian(edges: np.ndarray, num_vertices: int) -> scipy.sparse.csr_matrix:
    ones, shape = np.ones(len(edges)), (num_vertices, num_vertices)
    adjacency = scipy.sparse.coo_matrix((ones, edges.T), shape)
    adjacency = (adjacency + adjacency.T).tocsr()
    return scipy.sparse.csr_matrix(scipy.sparse.csgraph.laplacian(adjacency))
