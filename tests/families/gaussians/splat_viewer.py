"""A viewer of 3D Gaussian splatting's `.ply` files in NumPy, after Kerbl et al. (2023): shares no code with ours."""

import numpy as np

_SH_DC = 0.28209479177387814
_DILATION = 0.3  # square pixels


def read_ply(path):
    """{name: (N,)} of a binary little-endian file of float vertices."""
    head, _, body = path.read_bytes().partition(b"end_header\n")
    names = [line.split()[-1].decode() for line in head.splitlines() if line.startswith(b"property float")]
    table = np.frombuffer(body, "<f4").reshape(-1, len(names)).astype(np.float64)
    return dict(zip(names, table.T))


def draw(ply, rotation, translation, intrinsics, side):
    """(side, side, 3) over white, for a camera with OpenCV axes in the file's own space."""
    means = np.stack([ply[name] for name in "xyz"], axis=1) @ rotation.T + translation
    quaternions = np.stack([ply[f"rot_{k}"] for k in range(4)], axis=1)
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    turns = np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=1),
            np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=1),
            np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=1),
        ],
        axis=1,
    )
    axes = rotation @ turns * np.exp(np.stack([ply[f"scale_{k}"] for k in range(3)], axis=1))[:, None]
    covariances = axes @ axes.transpose(0, 2, 1)
    opacities = 1.0 / (1.0 + np.exp(-ply["opacity"]))
    colours = np.clip(0.5 + _SH_DC * np.stack([ply[f"f_dc_{k}"] for k in range(3)], axis=1), 0.0, None)
    fx, fy, cx, cy = intrinsics
    rows, columns = np.mgrid[:side, :side] + 0.5
    image, left = np.zeros((side, side, 3)), np.ones((side, side))
    for index in np.argsort(means[:, 2], kind="stable"):
        px, py, depth = means[index]
        jacobian = np.array([[fx / depth, 0, -fx * px / depth**2], [0, fy / depth, -fy * py / depth**2]])
        conic = np.linalg.inv(jacobian @ covariances[index] @ jacobian.T + _DILATION * np.eye(2))
        dx, dy = columns - (fx * px / depth + cx), rows - (fy * py / depth + cy)
        power = 0.5 * (conic[0, 0] * dx * dx + conic[1, 1] * dy * dy) + conic[0, 1] * dx * dy
        alpha = np.minimum(0.99, opacities[index] * np.exp(-power))
        alpha = np.where(alpha < 1 / 255, 0.0, alpha)
        image += (left * alpha)[..., None] * colours[index]
        left *= 1.0 - alpha
    return image + left[..., None]
