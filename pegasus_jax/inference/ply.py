"""Points of one frame as `.ply`: coloured points, or Gaussians for the viewers of 3D Gaussian splatting.

Axes of the files are those of 3D Gaussian splatting's own data: x to the picture's right, y down, z away from the
viewer, in head units; a head looks towards -z.
"""

import os

import numpy as np

from pegasus_jax import atomic
from pegasus_jax.core.camera import Camera
from pegasus_jax.families.points.render import INNER_SETBACK, FramePoints, colour, point_radius

GAUSSIAN_OPACITY = 0.99  # where viewers hold alpha anyway
GAUSSIAN_SIGMA = (
    0.519  # of the disc's radius: the least squares of 1 - x^2 by 0.99 exp(-x^2 / 2 sigma^2) over the plane
)
_FILE_FROM_HEAD = np.array([1.0, -1.0, -1.0], np.float32)
_FAINTEST = 1.0 / 255.0  # opacity that still shows
_SH_DC = 0.28209479177387814  # the constant spherical harmonic
_NUM_SH_REST = 45  # of degree 3, all zero: some readers assume it


def write_points(path: str | os.PathLike, points: FramePoints) -> None:
    """Coloured points with normals: x y z, nx ny nz, red green blue."""
    alive = _alive(points)
    columns = {**_vectors("xyz", points.positions_d), **_vectors(("nx", "ny", "nz"), points.normals_d)}
    rgb = np.round(_colours(points) * 255.0).astype(np.uint8)
    columns |= {name: rgb[:, index] for index, name in enumerate(("red", "green", "blue"))}
    _write(path, {name: column[alive] for name, column in columns.items()})


def write_splats(path: str | os.PathLike, points: FramePoints, camera: Camera, *, ndc_per_unit: float | None) -> None:
    """Isotropic Gaussians in the field order and raw values of 3D Gaussian splatting.

    Discs have a size in the picture, Gaussians in space: `camera` is where both look alike. Points inside eyes and
    mouth are set back along its rays, as they are in our pictures.
    """
    alive = _alive(points)
    placed, sigmas = _placed(points, camera, ndc_per_unit)
    count = len(placed)
    columns = {**_vectors("xyz", placed), **_vectors(("nx", "ny", "nz"), points.normals_d)}
    dc = (_colours(points) - 0.5) / _SH_DC
    columns |= {f"f_dc_{index}": dc[:, index] for index in range(3)}
    columns |= {f"f_rest_{index}": np.zeros(count, np.float32) for index in range(_NUM_SH_REST)}
    opacity = GAUSSIAN_OPACITY * np.clip(np.asarray(points.opacity), _FAINTEST, 1.0)
    columns["opacity"] = np.log(opacity / (1.0 - opacity)).astype(np.float32)
    columns |= {f"scale_{index}": np.log(sigmas) for index in range(3)}
    columns |= {f"rot_{index}": np.full(count, float(index == 0), np.float32) for index in range(4)}
    _write(path, {name: column[alive] for name, column in columns.items()})


def _placed(points: FramePoints, camera: Camera, ndc_per_unit: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Positions (N, 3) in head space, and standard deviations (N,) in head units, as `camera` sees them."""
    rotation, translation = np.split(np.asarray(camera.T_camera_world), [3], axis=1)
    seen = np.asarray(points.positions_d) @ rotation.T + translation.T
    depth = np.maximum(seen[:, 2], 1e-6)
    focal = np.sqrt(np.abs(np.prod(np.asarray(camera.intrinsics)[:2])))
    sigmas = GAUSSIAN_SIGMA * np.asarray(point_radius(points, camera, ndc_per_unit=ndc_per_unit)) * depth / focal
    seen *= (1.0 + INNER_SETBACK * np.asarray(points.inner) / depth)[:, None]
    return (seen - translation.T) @ rotation, sigmas.astype(np.float32)


def _colours(points: FramePoints) -> np.ndarray:
    """(N, 3) in [0, 1], sRGB."""
    return np.asarray(colour(points.shading, points.albedo))


def _alive(points: FramePoints) -> np.ndarray:
    """(N,) bool: is drawn, and can be seen."""
    seen = np.asarray(points.opacity) >= _FAINTEST
    return seen if points.alive is None else seen & np.asarray(points.alive)


def _vectors(names, vectors) -> dict[str, np.ndarray]:
    """Columns of vectors (N, 3) given in head space."""
    turned = np.asarray(vectors) * _FILE_FROM_HEAD
    return {name: turned[:, index] for index, name in enumerate(names)}


def _write(path: str | os.PathLike, columns: dict[str, np.ndarray]) -> None:
    """A binary little-endian `.ply` of vertices, float32 or uint8 by column."""
    kinds = {name: "u1" if column.dtype == np.uint8 else "<f4" for name, column in columns.items()}
    vertices = np.empty(len(next(iter(columns.values()))), [(name, kind) for name, kind in kinds.items()])
    for name, column in columns.items():
        vertices[name] = column
    properties = [f"property {'uchar' if kind == 'u1' else 'float'} {name}" for name, kind in kinds.items()]
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(vertices)}",
        *properties,
        "end_header",
        "",
    ]
    with atomic.file(path) as temporary:
        temporary.write_bytes("\n".join(header).encode() + vertices.tobytes())
