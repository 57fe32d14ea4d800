"""Cameras. OpenCV axes (x right, y down, z forward), pixel intrinsics, pixel centres at +0.5.

IMAvatar's convention (an OpenGL-like `world_mat`, intrinsics divided by the image side, fx stored negative)
is converted here and nowhere else: spec section 5.1.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.errors import UserError

_GL_TO_CV = np.diag([1.0, -1.0, -1.0]).astype(np.float32)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera. Leading batch axes are allowed on every array."""

    T_camera_world: jax.Array  # (*, 3, 4): maps world (head units) to camera (OpenCV axes, head units)
    intrinsics: jax.Array  # (*, 4): fx, fy, cx, cy in pixels
    image_size: tuple[int, int] = dataclasses.field(metadata={"static": True})  # (H, W)

    @classmethod
    def from_imavatar(cls, world_mat, intrinsics, *, image_size: tuple[int, int]) -> "Camera":
        """From IMAvatar's json: `world_mat` (*, 3, 4), `intrinsics` (*, 4) = [-fx/W, fy/H, cx/W, cy/H].

        A positive stored fx means a mirrored image: pixels run to the left in the camera's own axes.
        """
        world_mat = np.asarray(world_mat, np.float32)
        intrinsics = np.asarray(intrinsics, np.float32)
        if world_mat.shape[-2:] not in ((3, 4), (4, 4)):
            raise UserError(f"world_mat must have shape (3, 4); got {world_mat.shape}.")
        if intrinsics.shape[-1:] != (4,):
            raise UserError(f"intrinsics must be 4 numbers [-fx/W, fy/H, cx/W, cy/H]; got shape {intrinsics.shape}.")
        height, width = image_size
        scale = np.array([-width, height, width, height], np.float32)
        return cls(
            T_camera_world=jnp.asarray(_GL_TO_CV @ world_mat[..., :3, :]),
            intrinsics=jnp.asarray(intrinsics * scale),
            image_size=(int(height), int(width)),
        )

    def to_imavatar(self) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of `from_imavatar`: (`world_mat` (*, 3, 4), `intrinsics` (*, 4))."""
        height, width = self.image_size
        scale = np.array([-width, height, width, height], np.float32)
        return _GL_TO_CV @ np.asarray(self.T_camera_world), np.asarray(self.intrinsics) / scale

    def resized(self, image_size: tuple[int, int]) -> "Camera":
        """The same view on an image of another size."""
        (h0, w0), (h1, w1) = self.image_size, image_size
        scale = jnp.array([w1 / w0, h1 / h0, w1 / w0, h1 / h0], jnp.float32)
        scaled = self.intrinsics * jnp.broadcast_to(scale, self.intrinsics.shape)
        return Camera(self.T_camera_world, scaled, (int(h1), int(w1)))

    def ndc_per_unit(self) -> jax.Array:
        """(*): how large a head unit looks at the world's origin, where heads are; half the shorter image side is 1."""
        focal = jnp.sqrt(jnp.abs(self.intrinsics[..., 0] * self.intrinsics[..., 1]))
        return focal / (0.5 * min(self.image_size) * jnp.abs(self.T_camera_world[..., 2, 3]))

    def project(self, points_world: jax.Array) -> tuple[jax.Array, jax.Array]:
        """`points_world` (*, N, 3) head units -> (`means2d` (*, N, 2) pixels, `depths` (*, N) head units).

        The leading axes are the camera's own. Points behind the camera keep a finite, meaningless position;
        their depth says so.
        """
        rotation, translation = self.T_camera_world[..., :3], self.T_camera_world[..., 3]
        # Full precision: an accelerator's default (TF32) would move points by about a pixel at 512 x 512.
        rotated = jnp.einsum("...ij,...nj->...ni", rotation, points_world, precision=jax.lax.Precision.HIGHEST)
        points_camera = rotated + translation[..., None, :]
        depths = points_camera[..., 2]
        safe = jnp.where(jnp.abs(depths) < 1e-6, 1e-6, depths)
        focal, centre = self.intrinsics[..., None, :2], self.intrinsics[..., None, 2:]
        return points_camera[..., :2] / safe[..., None] * focal + centre, depths
