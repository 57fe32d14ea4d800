"""Points of one frame as `.ply`: coloured points, or Gaussians for the viewers of 3D Gaussian splatting.

Axes of the files are those of 3D Gaussian splatting's own data: x to the picture's right, y down, z away from the
viewer, in head units; a head looks towards -z.
"""

import os

import numpy as np

from pegasus_jax import atomic
from pegasus_jax.core.avatar import Primitives

_FILE_FROM_HEAD = np.array([1.0, -1.0, -1.0], np.float32)
_FAINTEST = 1.0 / 255.0  # opacity that still shows
_MOST_OPAQUE = 0.99  # where viewers hold alpha anyway
_SH_DC = 0.28209479177387814  # the constant spherical harmonic
_NUM_SH_REST = 45  # of degree 3, all zero: some readers assume it


def write_points(path: str | os.PathLike, primitives: Primitives) -> None:
    """Coloured points with normals: x y z, nx ny nz, red green blue."""
    columns = {**_vectors("xyz", primitives.means), **_vectors(("nx", "ny", "nz"), primitives.normals)}
    rgb = np.round(np.asarray(primitives.colours) * 255.0).astype(np.uint8)
    columns |= {name: rgb[:, index] for index, name in enumerate(("red", "green", "blue"))}
    _write_drawn(path, primitives, columns)


def write_splats(path: str | os.PathLike, primitives: Primitives) -> None:
    """Gaussians in the field order and raw values of 3D Gaussian splatting."""
    count = len(primitives.means)
    columns = {**_vectors("xyz", primitives.means), **_vectors(("nx", "ny", "nz"), primitives.normals)}
    dc = (np.asarray(primitives.colours) - 0.5) / _SH_DC
    columns |= {f"f_dc_{index}": dc[:, index] for index in range(3)}
    columns |= {f"f_rest_{index}": np.zeros(count, np.float32) for index in range(_NUM_SH_REST)}
    opacity = np.clip(np.asarray(primitives.opacities), _FAINTEST, _MOST_OPAQUE)
    columns["opacity"] = np.log(opacity / (1.0 - opacity)).astype(np.float32)
    scales, turned = np.log(np.asarray(primitives.scales)), _turned(np.asarray(primitives.quaternions))
    columns |= {f"scale_{index}": scales[:, index] for index in range(3)}
    columns |= {f"rot_{index}": turned[:, index] for index in range(4)}
    _write_drawn(path, primitives, columns)


def _turned(quaternions: np.ndarray) -> np.ndarray:
    """Quaternions (N, 4) of axes in head space, in the file's, which is turned by half a turn about x.

    Axes may point either way: a Gaussian that is upright here is upright there.
    """
    return quaternions * np.array([1.0, 1.0, -1.0, -1.0], np.float32)


def _write_drawn(path: str | os.PathLike, primitives: Primitives, columns: dict[str, np.ndarray]) -> None:
    """The columns of those that are drawn and can be seen."""
    seen = np.asarray(primitives.alive) & (np.asarray(primitives.opacities) >= _FAINTEST)
    _write(path, {name: column[seen] for name, column in columns.items()})


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
