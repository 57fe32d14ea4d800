"""A triangle z-buffer in vectorised NumPy: which surface each image sample sees, and where on it.

Shading is deferred: `rasterize` finds the nearest surface at every sample, callers then interpolate what they
need and colour only what is seen. Anti-aliasing is supersampling: rasterise at a multiple of the size, then
`average_blocks`.
"""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np

from pegasus_jax.core.camera import Camera

_project = jax.jit(Camera.project)

_NEAR = 1e-3  # head units; triangles that reach closer to the camera are not drawn
_EDGE_SLACK = 1e-4  # barycentric: rounding must not open gaps between neighbours
_NOTHING = np.iinfo(np.uint64).max


@dataclasses.dataclass(frozen=True)
class Mesh:
    """A triangle mesh in world space."""

    vertices: np.ndarray  # (V, 3) float32, head units
    faces: np.ndarray  # (F, 3) int, counter-clockwise seen from outside
    two_sided: bool = False  # whether inner sides are drawn


@dataclasses.dataclass(frozen=True)
class Fragments:
    """The visible surface at the n samples that see any. Row-major sample order."""

    image_size: tuple[int, int]  # (H, W) in samples
    sample: np.ndarray  # (n,) int: flat index into H * W
    mesh: np.ndarray  # (n,) int: which mesh
    face: np.ndarray  # (n,) int: row of that mesh's faces
    bary: np.ndarray  # (n, 3) float32: perspective-correct barycentric coordinates
    depth: np.ndarray  # (n,) float32: camera z, head units

    def of_mesh(self, mesh: int) -> "Fragments":
        """The fragments on one mesh."""
        chosen = self.mesh == mesh
        names = ("sample", "mesh", "face", "bary", "depth")
        return dataclasses.replace(self, **{name: getattr(self, name)[chosen] for name in names})

    def interpolate(self, attribute: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """A vertex attribute (V, C) of the fragments' common mesh at each fragment: (n, C)."""
        corners = faces[self.face]
        a, b, c = (self.bary[:, k, None] * attribute[corners[:, k]] for k in range(3))
        return a + b + c


def rasterize(meshes: Sequence[Mesh], camera: Camera) -> Fragments:
    """The nearest surface at every pixel centre of `camera.image_size`, over all meshes together."""
    means2d, depths = _project(camera, np.concatenate([mesh.vertices for mesh in meshes], dtype=np.float32))
    points = np.concatenate([np.asarray(means2d), np.asarray(depths)[:, None]], axis=-1)
    first = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    mirrored = bool(np.prod(np.asarray(camera.intrinsics)[:2]) < 0)
    tables = [
        _triangles(mesh, points[start:end], mirrored=mirrored)
        for mesh, start, end in zip(meshes, first[:-1], first[1:])
    ]
    corners = np.concatenate([corners for corners, _ in tables])
    face_of = np.concatenate([face for _, face in tables])
    mesh_of = np.repeat(np.arange(len(tables)), [len(face) for _, face in tables])
    triangle, sample, bary, depth = _cover(corners, camera.image_size)
    nearest = _nearest(sample, depth, camera.image_size)
    triangle, bary = triangle[nearest], bary[nearest]
    return Fragments(
        image_size=camera.image_size,
        sample=sample[nearest],
        mesh=mesh_of[triangle],
        face=face_of[triangle],
        bary=bary,
        depth=depth[nearest],
    )


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (V, 3) of `vertices` (V, 3) and `faces` (F, 3)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    summed = np.stack(
        [np.bincount(faces.ravel(), np.repeat(normal[:, axis], 3), minlength=len(vertices)) for axis in range(3)],
        axis=-1,
    )
    return (summed / np.maximum(np.linalg.norm(summed, axis=-1, keepdims=True), 1e-12)).astype(np.float32)


def scatter(fragments: Fragments, values: np.ndarray) -> np.ndarray:
    """An image (H, W, C) in samples with `values` (n, C) at the fragments and 0 elsewhere."""
    height, width = fragments.image_size
    image = np.zeros((height * width, values.shape[-1]), np.float32)
    image[fragments.sample] = values
    return image.reshape(height, width, -1)


def average_blocks(image: np.ndarray, factor: int) -> np.ndarray:
    """(H * factor, W * factor, C) -> (H, W, C): the mean of every block of samples."""
    height, width, channels = image.shape
    blocks = image.reshape(height // factor, factor, width // factor, factor, channels)
    return blocks.mean(axis=(1, 3))


def _triangles(mesh: Mesh, points: np.ndarray, *, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Drawable triangles of projected vertices (V, 3): corners (T, 3, 3) in pixels and depth, face rows (T,)."""
    corners = points[mesh.faces]
    area = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # Pixel rows run down, so that outside faces turn clockwise, unless the image is mirrored.
    outward = area if mirrored else -area
    seen = (np.abs(area) > 1e-12) if mesh.two_sided else (outward > 1e-12)
    face = np.flatnonzero(seen & (corners[..., 2] > _NEAR).all(axis=-1))
    return corners[face], face


def _cover(corners: np.ndarray, image_size: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """All (triangle, sample) pairs where a sample's centre lies in a triangle, with barycentrics and depth.

    Every triangle's bounding box is expanded to its samples in one pass; each edge test then thins them out, and
    components are kept in arrays of their own, because NumPy is slow along axes of length 3.
    """
    triangle, x, y = _boxes(corners, image_size)
    edges = _edge_functions(corners)
    weights: list[np.ndarray] = []
    for edge in edges:
        p, q, r = (coefficient[triangle] for coefficient in edge)
        weight = p + q * x + r * y
        inside = weight >= -_EDGE_SLACK
        triangle, x, y, weight = triangle[inside], x[inside], y[inside], weight[inside]
        weights = [*(earlier[inside] for earlier in weights), weight]
    over_depth = [weight / corners[triangle, k, 2] for k, weight in enumerate(weights)]
    depth = 1 / (over_depth[0] + over_depth[1] + over_depth[2])
    bary = np.stack([share * depth for share in over_depth], axis=-1)
    sample = y.astype(np.int64) * image_size[1] + x.astype(np.int64)
    return triangle, sample, bary, depth


def _boxes(corners: np.ndarray, image_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(triangle, x, y): every sample centre in the bounding box of every triangle, inside the image."""
    limit = np.array([image_size[1], image_size[0]])
    first = np.clip(np.ceil(corners[..., :2].min(axis=1) - 0.5), 0, limit).astype(np.int32)
    last = np.clip(np.floor(corners[..., :2].max(axis=1) - 0.5) + 1, 0, limit).astype(np.int32)
    size = np.maximum(last - first, 0)
    count = size[:, 0] * size[:, 1]
    triangle = np.repeat(np.arange(len(corners), dtype=np.int32), count)
    start = np.cumsum(count, dtype=np.int64) - count
    within = np.arange(len(triangle), dtype=np.int32) - np.repeat(start.astype(np.int32), count)
    row = within // size[triangle, 0]
    column = within - row * size[triangle, 0]
    x, y = first[triangle, 0] + column, first[triangle, 1] + row
    return triangle, x.astype(np.float32) + 0.5, y.astype(np.float32) + 0.5


def _edge_functions(corners: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Three affine forms (p, q, r) per triangle: barycentric coordinate k at (x, y) is p + q x + r y."""
    points = corners[..., :2].astype(np.float64)
    area = _cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    forms = []
    for k in range(3):
        start, end = points[:, (k + 1) % 3], points[:, (k + 2) % 3]
        q = (start[:, 1] - end[:, 1]) / area
        r = (end[:, 0] - start[:, 0]) / area
        p = -(q * start[:, 0] + r * start[:, 1])
        forms.append((p.astype(np.float32), q.astype(np.float32), r.astype(np.float32)))
    return forms


def _nearest(sample: np.ndarray, depth: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Rows of the nearest candidate of every covered sample, in order of samples."""
    # Bits of positive floats sort like the floats; the row breaks ties, so that the result is reproducible.
    key = depth.view(np.uint32).astype(np.uint64) << np.uint64(32) | np.arange(len(depth), dtype=np.uint64)
    best = np.full(image_size[0] * image_size[1], _NOTHING, np.uint64)
    np.minimum.at(best, sample, key)
    return (best[best != _NOTHING] & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
