"""Pictures of the built-in head for a person to judge: python benchmarks/head_pictures.py [--out=docs/heads]."""

import argparse
import pathlib

import cv2
import jax
import numpy as np

from pegasus_jax.core.camera import Camera
from pegasus_jax.demo.raster import Mesh, average_blocks, rasterize, scatter, vertex_normals
from pegasus_jax.flame import builtin_head, lbs
from pegasus_jax.flame.model import HeadModel

_DISTANCE = 8.0  # head units, 2 m
_SUPERSAMPLING = 2
_SKIN, _TINTS = (
    (0.85, 0.68, 0.58),
    {
        "scalp": (0.62, 0.52, 0.47),
        "eyebrows": (0.40, 0.29, 0.24),
        "lips": (0.78, 0.47, 0.44),
        "mouth_interior": (0.55, 0.22, 0.22),
        "teeth": (0.95, 0.93, 0.86),
        "eyeballs": (0.95, 0.95, 0.94),
    },
)
_NECK_YAW, _NECK_PITCH, _JAW, _LEFT_GAZE, _RIGHT_GAZE = 4, 3, 6, 10, 13


class Studio:
    """Renders the head at any coefficients by name."""

    def __init__(self, head: HeadModel) -> None:
        self.head = head
        self.pose_mesh = jax.jit(lbs.vertices)
        self.colours = np.tile(np.array(_SKIN), (head.num_vertices, 1))
        for name, colour in _TINTS.items():
            self.colours[head.regions[name]] = colour
        for side in ("left", "right"):
            eyeball = np.flatnonzero(head.regions[f"{side}_eyeball"])
            points = head.v_template[eyeball]
            middle = (points.min(0) + points.max(0)) / 2
            angle = np.degrees(np.arccos(np.clip((points - middle)[:, 2] / np.ptp(points[:, 2]) * 2, -1, 1)))
            self.colours[eyeball[angle < 22.5]] = (0.35, 0.50, 0.62)
            self.colours[eyeball[angle < 8.0]] = 0.05

    def picture(self, *, shape=(), expression=(), pose=(), yaw=0.0, size=240, width=1.24, centre=0.0):
        """One picture (size, size, 3) uint8; coefficients as {name: value}, `width` and `centre` in head units."""
        betas = np.zeros(100, np.float32)
        psi, theta = np.zeros(50, np.float32), np.zeros(15, np.float32)
        for name, value in dict(shape).items():
            betas[self.head.shape_names.index(name)] = value
        for name, value in dict(expression).items():
            psi[self.head.expression_names.index(name)] = value
        for index, value in dict(pose).items():
            theta[index] = value
        vertices = np.asarray(self.pose_mesh(self.head, betas, psi, theta))
        return self._render(vertices, yaw=yaw, size=size, width=width, centre=centre)

    def _render(self, vertices, *, yaw, size, width, centre):
        faces, samples = self.head.faces, size * _SUPERSAMPLING
        cos, sin = np.cos(yaw), np.sin(yaw)
        rotation = np.array([[cos, 0, sin], [0, -1, 0], [sin, 0, -cos]])
        pixels = samples / width * _DISTANCE
        T_camera_world = np.concatenate([rotation, [[0.0], [centre], [_DISTANCE]]], axis=1).astype(np.float32)
        intrinsics = np.array([pixels, pixels, samples / 2, samples / 2], np.float32)
        seen = rasterize([Mesh(vertices, faces)], Camera(T_camera_world, intrinsics, (samples, samples)))
        normals = seen.interpolate(vertex_normals(vertices, faces) @ rotation.T, faces)
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-9
        light = np.array([-0.3, -0.45, -0.84])
        shade = 0.3 + 0.7 * np.clip(normals @ light, 0, 1)
        colour = seen.interpolate(self.colours, faces) * shade[:, None]
        coverage = scatter(seen, np.ones((len(colour), 1), np.float32))
        image = average_blocks(scatter(seen, colour) + (1.0 - coverage), _SUPERSAMPLING)
        return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def _sheet(pictures, columns):
    rows = [np.concatenate(pictures[i : i + columns], axis=1) for i in range(0, len(pictures), columns)]
    return np.concatenate(rows)


def sheets(head: HeadModel) -> dict[str, np.ndarray]:
    studio = Studio(head)
    face = {"width": 0.74, "size": 180}
    both = ("eyeBlink", "mouthSmile", "mouthFrown", "browDown", "browInnerUp", "eyeWide", "cheekPuff")
    expressions = [{f"{name}_L": 1.0, f"{name}_R": 1.0} for name in both]
    expressions += [{name: 1.0} for name in ("eyeBlink_L", "mouthPucker", "mouthFunnel", "mouthLeft", "noseSneer_L")]
    rng = np.random.default_rng(3)
    people = [dict(zip(head.shape_names, rng.normal(size=100))) for _ in range(8)]
    return {
        "views": _sheet([studio.picture(yaw=yaw) for yaw in (0.0, -0.6, -1.57, 2.6)], 4),
        "poses": _sheet(
            [
                studio.picture(pose={_JAW: 0.4}),
                studio.picture(pose={_JAW: 0.4}, yaw=-0.8),
                studio.picture(pose={_NECK_YAW: 0.6}),
                studio.picture(pose={_NECK_PITCH: 0.35}, yaw=-1.2),
                studio.picture(pose={_NECK_PITCH: -0.35}, yaw=-1.2),
                studio.picture(pose={_LEFT_GAZE: 0.4, _RIGHT_GAZE: 0.4}),
            ],
            3,
        ),
        "expressions": _sheet([studio.picture(expression=e, **face) for e in expressions], 4),
        "shapes": _sheet(
            [studio.picture(shape={name: s}, size=130) for name in head.shape_names[:18] for s in (-2.5, 2.5)], 6
        ),
        "people": _sheet([studio.picture(shape=person, yaw=-0.35, size=200) for person in people], 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs/heads"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, sheet in sheets(builtin_head()).items():
        cv2.imwrite(str(out / f"builtin_{name}.png"), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
