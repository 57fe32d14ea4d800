"""A look in front of a camera: poses the head and its pieces, and renders the exact picture with its masks."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.camera import Camera
from pegasus_jax.demo import face, hair, hats, raster, torso
from pegasus_jax.demo.anatomy import Anatomy
from pegasus_jax.demo.look import Look
from pegasus_jax.demo.people import ATTRIBUTES
from pegasus_jax.demo.piece import Piece
from pegasus_jax.demo.skull import Skull
from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import HeadModel

_HEAD_JOINT = 1  # FLAME's neck joint carries the skull
_LIGHTS = (  # direction in world axes, strength
    (np.array([-0.45, 0.55, 0.70]), 0.74),
    (np.array([0.80, 0.15, 0.45]), 0.22),
)
_AMBIENT, _SKY = 0.30, 0.08
_HIGHLIGHT_POWER = 40


@dataclasses.dataclass(frozen=True)
class Picture:
    """One rendered frame; (H, W) uint8 masks hold coverage."""

    image: np.ndarray  # (H, W, 3) uint8, over white
    mask: np.ndarray  # everything that is not background
    parts: dict[str, np.ndarray]  # every attribute, empty where it is not worn


class Stage:
    """Everything about a look that does not depend on the frame."""

    def __init__(self, head: HeadModel, look: Look):
        """Builds the pieces on the wearer's own head."""
        self.head = head
        self.look = look
        self.anatomy = Anatomy.of(head)
        betas = look.person.shape
        rest = self.anatomy.template + np.asarray(head.shapedirs) @ betas
        skull = Skull.of(self.anatomy, rest)
        self._worn: dict[str, Piece] = {}
        if look.hat is not None:
            self._worn["hat"] = hats.build(look.hat, self.anatomy, skull)
        pressed = hats.rim(self.anatomy, skull) if look.hat is not None else None
        hairdo = hair.build(look.source("hair").hair, skull, pressed_above=pressed)
        if hairdo is not None:
            self._worn["hair"] = hairdo
        self._torso = torso.build(look.person.clothes, self.anatomy, rest)
        weights = {f"shape_{part}": weight for part, weight in self.anatomy.shape_weights.items()}
        self._weights = {**self.anatomy.paint_weights, **weights}
        self._head_pattern = np.column_stack([self.anatomy.template, *self._weights.values()])
        self._faces = np.asarray(head.faces)
        self._betas, self._offset = betas, look.local_offset(head, self.anatomy)

    def vertices(self, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """The posed head (V, 3) for `expression` (50,) and `pose` (15,)."""
        return self._pose(expression, pose)[0]

    def _pose(self, expression: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vertices, skull = _posed(self.head, self._betas, self._offset, expression, pose)
        return np.asarray(vertices), np.asarray(skull)

    def render(self, expression: np.ndarray, pose: np.ndarray, camera: Camera, *, supersample: int = 3) -> Picture:
        """The picture of one frame: `expression` (50,), `pose` (15,), at `camera.image_size`."""
        vertices, joint = self._pose(expression, pose)
        names, pieces = ["torso", *self._worn], [self._torso, *self._worn.values()]
        meshes = [raster.Mesh(vertices, self._faces), raster.Mesh(self._torso.vertices, self._torso.faces)]
        for piece in self._worn.values():
            moved = piece.vertices @ joint[:3, :3].T + joint[:3, 3]
            meshes.append(raster.Mesh(moved, piece.faces, two_sided=True))
        height, width = camera.image_size
        seen = raster.rasterize(meshes, camera.resized((height * supersample, width * supersample)))
        layers = [self._head_layer(seen.of_mesh(0))]
        layers += [
            _piece_layer(seen.of_mesh(k), piece, name) for k, (name, piece) in enumerate(zip(names, pieces), start=1)
        ]
        eye = -np.asarray(camera.T_camera_world[:, :3]).T @ np.asarray(camera.T_camera_world[:, 3])
        samples = np.zeros((*seen.image_size, 4 + len(ATTRIBUTES)), np.float32)
        for mesh, (fragments, paint) in zip(meshes, layers):
            colour = _shade(fragments, mesh, paint, eye)
            parts = np.column_stack([paint.parts.get(a, np.zeros(len(colour))) for a in ATTRIBUTES])
            ones = np.ones((len(colour), 1))
            samples += raster.scatter(fragments, np.concatenate([colour, ones, parts], axis=-1))
        return _develop(raster.average_blocks(samples, supersample))

    def _head_layer(self, fragments: raster.Fragments) -> tuple[raster.Fragments, face.Paint]:
        pattern = fragments.interpolate(self._head_pattern, self._faces)
        weights = dict(zip(self._weights, pattern[:, 3:].T))
        return fragments, face.paint(self.look.face, self.anatomy, pattern[:, :3], weights)


@jax.jit
def _posed(head: HeadModel, betas, offset, expression, pose) -> tuple[jax.Array, jax.Array]:
    """Posed vertices (V, 3) and the skull's transform (4, 4). Borrowed shape never moves the joints."""
    transforms = lbs.joint_transforms(head, betas, expression, pose)
    turned = jnp.einsum("vj,jab,vb->va", jnp.asarray(head.lbs_weights), transforms[:, :3, :3], offset)
    return lbs.vertices(head, betas, expression, pose) + turned, transforms[_HEAD_JOINT]


def _piece_layer(fragments: raster.Fragments, piece: Piece, name: str) -> tuple[raster.Fragments, face.Paint]:
    albedo = piece.albedo(fragments.interpolate(piece.pattern, piece.faces))
    gloss = np.full(len(albedo), piece.gloss, np.float32)
    return fragments, face.Paint(albedo, gloss, {name: np.ones(len(albedo), bool)})


def _shade(fragments: raster.Fragments, mesh: raster.Mesh, paint: face.Paint, eye: np.ndarray) -> np.ndarray:
    """sRGB (n, 3): fixed lights, Lambert's law and a soft highlight, all functions of the normal alone."""
    normals = fragments.interpolate(raster.vertex_normals(mesh.vertices, mesh.faces), mesh.faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
    inner = np.zeros(len(normals), bool)
    if mesh.two_sided:
        to_eye = eye - fragments.interpolate(mesh.vertices, mesh.faces)
        inner = np.einsum("ni,ni->n", normals, to_eye) < 0
        normals[inner] *= -1
    light = _AMBIENT + _SKY * normals[:, 1]
    highlight = np.zeros(len(normals))
    for towards, strength in _LIGHTS:
        towards = towards / np.linalg.norm(towards)
        light = light + strength * np.maximum(normals @ towards, 0)
        halfway = towards + np.array([0.0, 0.0, 1.0])
        halfway /= np.linalg.norm(halfway)
        highlight += strength * np.maximum(normals @ halfway, 0) ** _HIGHLIGHT_POWER
    linear = paint.albedo * np.where(inner, 0.45 * light, light)[:, None]
    linear = linear + (paint.gloss * highlight * ~inner)[:, None]
    return np.clip(linear, 0, 1) ** (1 / 2.2)


def _develop(pixels: np.ndarray) -> Picture:
    """Averaged samples (H, W, 4 + attributes): premultiplied colour, coverage, coverage by attribute."""
    levels = np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
    over_white = pixels[..., :3] + (1 - pixels[..., 3:4])
    image = np.round(255 * np.clip(over_white, 0, 1)).astype(np.uint8)
    parts = {name: levels[..., 4 + k] for k, name in enumerate(ATTRIBUTES)}
    return Picture(image=image, mask=levels[..., 3], parts=parts)
