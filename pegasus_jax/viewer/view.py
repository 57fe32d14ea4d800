"""From a browser's camera to ours."""

import dataclasses
import math

import numpy as np

from pegasus_jax.core.camera import Camera

_STEP = 64  # pixels: widths are multiples of it, so that few sizes are compiled


@dataclasses.dataclass(frozen=True)
class View:
    """A browser's camera. World: head space; camera: OpenCV axes."""

    wxyz: tuple[float, float, float, float]  # unit quaternion: camera to world
    position: tuple[float, float, float]  # head units
    fov: float  # vertical, radians
    aspect: float  # width / height


def image_size(aspect: float, height: int) -> tuple[int, int]:
    """(H, W) near to this aspect, which must be finite and positive."""
    width = _STEP * round(height * min(max(aspect, 0.25), 4.0) / _STEP)
    return height, max(width, _STEP)


def camera(view: View, size: tuple[int, int]) -> Camera:
    """The same view on a picture of this size, which is shown stretched to the browser's aspect."""
    height, width = size
    rotation = _rotation(np.asarray(view.wxyz, float))
    focal = 0.5 * height / np.tan(0.5 * view.fov)
    intrinsics = [focal * width / (height * view.aspect), focal, 0.5 * width, 0.5 * height]
    translation = -rotation.T @ np.asarray(view.position, float)
    T_camera_world = np.concatenate([rotation.T, translation[:, None]], axis=1)
    return Camera(np.asarray(T_camera_world, np.float32), np.asarray(intrinsics, np.float32), size)  # type: ignore[arg-type]


def unstretched(view: View, height: int) -> View:
    """The view whose picture of that height has square pixels: a little more or less at the sides."""
    height, width = image_size(view.aspect, height)
    return dataclasses.replace(view, aspect=width / height)


def swung(view: View, angle: float) -> View:
    """The view from farther round the head's vertical axis, counter-clockwise seen from above, radians."""
    c, s = math.cos(0.5 * angle), math.sin(0.5 * angle)
    w, x, y, z = view.wxyz
    turned = (c * w - s * y, c * x + s * z, c * y + s * w, c * z - s * x)
    turn = _rotation(np.array([c, 0.0, s, 0.0]))
    return dataclasses.replace(view, wxyz=turned, position=tuple((turn @ np.asarray(view.position)).tolist()))


def _rotation(wxyz: np.ndarray) -> np.ndarray:
    w, x, y, z = wxyz / np.linalg.norm(wxyz)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
