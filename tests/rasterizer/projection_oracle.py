"""The projection once more, in float64 NumPy and SciPy, Gaussian by Gaussian; shares no code with the package."""

import numpy as np
from scipy.spatial.transform import Rotation


def covariance(quaternion, scale) -> np.ndarray:
    """(3, 3); the quaternion is w, x, y, z."""
    w, x, y, z = np.asarray(quaternion, np.float64)
    axes = Rotation.from_quat([x, y, z, w]).as_matrix() * np.asarray(scale, np.float64)
    return axes @ axes.T


def project(mean, covariance, T_camera_world, intrinsics, *, image_size, dilation=0.3, near=0.2):
    """Mean, conic matrix, depth, three deviations and compensation of one Gaussian; None if it is not visible.

    The Jacobian is taken by differences of a pinhole camera.
    """
    mean, covariance, T, intrinsics = (
        np.asarray(a, np.float64) for a in (mean, covariance, T_camera_world, intrinsics)
    )
    point = T[:3, :3] @ mean + T[:3, 3]
    if not point[2] > near:
        return None
    focal, centre = intrinsics[:2], intrinsics[2:]

    def pinhole(point):
        return focal * point[:2] / point[2] + centre

    side = np.array(image_size[::-1])
    held = np.clip(pinhole(point), -0.15 * side, 1.15 * side)
    held = np.array([*((held - centre) / focal * point[2]), point[2]])
    step = 1e-5 * point[2]
    jacobian = np.stack([pinhole(held + d) - pinhole(held - d) for d in step * np.eye(3)], axis=1) / (2 * step)
    sharp = jacobian @ T[:3, :3] @ covariance @ T[:3, :3].T @ jacobian.T
    wide = sharp + dilation * np.eye(2)
    if np.linalg.det(wide) <= 0:
        return None
    compensation = np.sqrt(max(np.linalg.det(sharp), 0) / np.linalg.det(wide))
    return pinhole(point), np.linalg.inv(wide), point[2], 3 * np.sqrt(np.linalg.eigvalsh(wide)[1]), compensation
