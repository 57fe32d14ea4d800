"""Where Gaussians sit: on which triangle of the head, and at which place in it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.families.gaussians import parts
from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import HeadModel

_HIDDEN = 0.1  # share of their density that triangles keep which no frame shows from the front
_GRAZING = -0.2  # cosine of the view below which a triangle faces away
_EYEBALL_FRONT = 0.3  # z of a unit normal: the back of an eyeball is never seen


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Binding:
    """N Gaussians' places on a head: a triangle, a place in it, and for a shell how far off it."""

    faces_idx: np.ndarray  # (N,) int32: row of `HeadModel.faces`
    bary: np.ndarray  # (N, 3) barycentric coordinates
    offset: np.ndarray  # (N, 3) head units: from the surface, in the rest pose's axes; zero on the surface
    part: np.ndarray  # (N,) int32: see `parts`

    def __len__(self) -> int:
        """N."""
        return len(self.faces_idx)


def joined(first: Binding, second: Binding) -> Binding:
    """Returns the Gaussians of both, in order."""
    return jax.tree.map(lambda a, b: np.concatenate([a, b]), first, second)


def on_surface(
    head: HeadModel, betas: np.ndarray, frames: tuple[np.ndarray, np.ndarray, np.ndarray], count: int, seed: int
) -> Binding:
    """Returns `count` places on the surface, sampled systematically by area and density.

    A triangle's area is the largest that any of some frames gives it, so that lids and lips stay covered as they move.

    Args:
      head: the head model.
      betas: (100,) the person's shape.
      frames: expression (B, 50), pose (B, 15) and T_camera_world (B, 3, 4) of frames that say what is seen.
      count: of Gaussians.
      seed: of the places within triangles.
    """
    rng = np.random.default_rng(seed)
    importance = _importance(head, betas, *frames)
    cumulative = np.cumsum(importance) / importance.sum()
    wanted = (np.arange(count) + rng.random(count)) / count
    faces_idx = np.searchsorted(cumulative, wanted).clip(0, len(importance) - 1)
    across, along = np.sqrt(rng.random(count)), rng.random(count)
    bary = np.stack([1.0 - across, across * (1.0 - along), across * along], axis=1)
    return Binding(
        faces_idx=faces_idx.astype(np.int32),
        bary=bary.astype(np.float32),
        offset=np.zeros((count, 3), np.float32),
        part=parts.triangle_parts(head)[faces_idx],
    )


def shaped(head: HeadModel, betas: np.ndarray) -> np.ndarray:
    """Returns the person's head (V, 3) at rest."""
    return np.asarray(head.v_template) + np.asarray(head.shapedirs) @ np.asarray(betas)


def _importance(head, betas, expression, pose, T_camera_world) -> np.ndarray:
    """What each triangle (F,) weighs in the sampling."""
    faces = np.asarray(head.faces)
    posed = _posed_vertices(head, jnp.asarray(betas), jnp.asarray(expression), jnp.asarray(pose))
    corners = np.asarray(posed)[:, faces]  # (B, F, 3, 3)
    normals = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    double_area = np.linalg.norm(normals, axis=-1)
    to_camera = _camera_centres(np.asarray(T_camera_world))[:, None] - corners.mean(axis=2)
    facing = np.sum(normals * to_camera, axis=-1)
    shown = facing > _GRAZING * double_area * np.linalg.norm(to_camera, axis=-1)
    importance = double_area.max(axis=0) * parts.vertex_densities(head)[faces].mean(axis=1)
    importance *= np.where(shown.any(axis=0), 1.0, _HIDDEN)
    return np.where(_behind_the_iris(head, betas), 0.0, importance)


_posed_vertices = jax.jit(jax.vmap(lbs.vertices, (None, None, 0, 0)))


def _behind_the_iris(head: HeadModel, betas: np.ndarray) -> np.ndarray:
    """(F,) bool: triangles of an eyeball that look backwards or sideways."""
    a, b, c = np.moveaxis(shaped(head, betas)[np.asarray(head.faces)], 1, 0)
    normals = np.cross(b - a, c - a)
    frontal = normals[:, 2] >= _EYEBALL_FRONT * np.linalg.norm(normals, axis=1)
    return (parts.triangle_parts(head) == parts.EYEBALL) & ~frontal


def _camera_centres(T_camera_world: np.ndarray) -> np.ndarray:
    """(B, 3) world positions of cameras (B, 3, 4)."""
    return -np.einsum("bji,bj->bi", T_camera_world[:, :, :3], T_camera_world[:, :, 3])
