"""Float64 NumPy transcription of the published equations: the oracle that the package is checked against.

Written from the specification alone (sections 2 to 5 and 3.6, cited as "spec x.y"); shares no code with the package.
Everything is dense, slow and explicit. N points, V head vertices, Z latent numbers, H x W pixels. PointAvatar is the
model without a latent.

Spaces: `gc` generic canonical, `sc` subject canonical, `fc` FLAME canonical (open mouth), `d` deformed (world). Parts:
`networks` (spec 3), `posing` (2), `camera` (5), `latents` (3.6), `random_models`.
"""

from typing import NamedTuple

import numpy as np

from tests.families.points.published.camera import project, splat
from tests.families.points.published.latents import assemble_z as assemble_z
from tests.families.points.published.networks import Dual, State, deformer, geometry, shading, variable
from tests.families.points.published.posing import (
    NUM_SHAPE,
    Head,
    Posing,
    articulate,
    canonical_pose,
    nearest,
    pose_points,
    posed_vertices,
)
from tests.families.points.published.random_models import random_head as random_head
from tests.families.points.published.random_models import random_state as random_state
from tests.families.points.published.random_models import random_z as random_z

COLOUR_GAIN = 2.0  # spec 3.5


class Fields(NamedTuple):
    """Every per-point quantity on the way to a picture."""

    points_sc: np.ndarray  # (N, 3)
    points_fc: np.ndarray  # (N, 3)
    weights: np.ndarray  # (N, 6)
    points_d: np.ndarray  # (N, 3)
    normals_d: np.ndarray  # (N, 3), unit, world axes
    sdf: np.ndarray  # (N,)
    sdf_gradient: np.ndarray  # (N, 3), at x_sc
    jacobian: np.ndarray  # (N, 3, 3), dx_d / dx_sc, last axis x_sc
    albedo: np.ndarray  # (N, 3)
    seg_logit: np.ndarray | None  # (N,)


class PublishedModel:
    """A published checkpoint with its head: PEGASUS with a latent `z` (Z,), PointAvatar with None."""

    def __init__(self, state: State, head: Head, canonical_expression: np.ndarray, z: np.ndarray | None = None):
        self.state = {name: np.asarray(value, dtype=np.float64) for name, value in state.items()}
        self.head = Head(*(np.asarray(value, dtype=np.float64) for value in head))
        self.canonical_expression = np.asarray(canonical_expression, dtype=np.float64)
        self.z = None if z is None else np.asarray(z, dtype=np.float64)
        self.template = self.state["FLAMEServer.v_template"]

    def canonical_points(self) -> np.ndarray:
        """x^sc (N, 3): pass 1 of the deformer at x^gc (spec 0, 3.3)."""
        points_gc = self.state["pc.points"]
        offset = deformer(self.state, variable(points_gc), self.z).offset_gc
        return points_gc if offset is None else points_gc + offset.value

    def canonical_vertices(self) -> np.ndarray:
        """V_c (V, 3) (spec 2.2)."""
        shape = np.zeros(NUM_SHAPE)
        return posed_vertices(self.head, self.template, shape, self.canonical_expression, canonical_pose())

    def shape_basis(self, points_fc: np.ndarray) -> np.ndarray:
        """S (N, 3, 100): the head's at the vertex of V_c nearest to x^fc; zero for PointAvatar (spec 2.4)."""
        if self.z is None:
            return np.zeros((len(points_fc), 3, NUM_SHAPE))
        return self.head.shapedirs[nearest(points_fc, self.canonical_vertices())]

    def posing(self, betas: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> Posing:
        """Both states. PointAvatar has its beta in the template: `betas` moves neither points nor joints (spec 2.4)."""
        no_shape = np.zeros(NUM_SHAPE)
        betas = no_shape if self.z is None else np.asarray(betas, dtype=np.float64)
        expression, pose = np.asarray(expression, dtype=np.float64), np.asarray(pose, dtype=np.float64)
        return Posing(
            canonical=articulate(self.head, self.template, no_shape, self.canonical_expression, canonical_pose()),
            canonical_expression=self.canonical_expression,
            posed=articulate(self.head, self.template, betas, expression, pose),
            expression=expression,
            betas=betas,
        )

    def deform_canonical(self, points_sc: np.ndarray, posing: Posing, shape_basis: np.ndarray | None = None) -> Dual:
        """x^d and dx^d/dx^sc: pass 2 of the deformer at x^sc, then posing with S constant (spec 2.4, 4)."""
        x_sc = variable(points_sc)
        deformation = deformer(self.state, x_sc, self.z)
        x_fc = x_sc + deformation.offset_sc
        basis = self.shape_basis(x_fc.value) if shape_basis is None else shape_basis
        return pose_points(x_fc, deformation, basis, posing)

    def fields(self, betas: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> Fields:
        """Everything per point except the shading."""
        points_sc = self.canonical_points()
        deformation = deformer(self.state, variable(points_sc), self.z)
        x_d = self.deform_canonical(points_sc, self.posing(betas, expression, pose))
        canonical = geometry(self.state, variable(points_sc), self.z)
        return Fields(
            points_sc=points_sc,
            points_fc=points_sc + deformation.offset_sc.value,
            weights=deformation.weights.value,
            points_d=x_d.value,
            normals_d=deformed_normals(canonical.sdf.tangent, x_d.tangent),
            sdf=canonical.sdf.value,
            sdf_gradient=canonical.sdf.tangent,
            jacobian=x_d.tangent,
            albedo=canonical.albedo,
            seg_logit=canonical.seg_logit,
        )

    def deform(self, betas: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Deformed points and unit normals, both (N, 3) in world axes."""
        fields = self.fields(betas, expression, pose)
        return fields.points_d, fields.normals_d

    def render(
        self,
        betas: np.ndarray,
        expression: np.ndarray,
        pose: np.ndarray,
        world_mat: np.ndarray,
        intrinsics: np.ndarray,
        radius: float,
        image_size: tuple[int, int],
        max_points_per_pixel: int = 10,
    ) -> dict[str, np.ndarray | None]:
        """Pictures of one frame (spec 3.5, 5.3). `radius` in NDC: radius * min(H, W) / 2 pixels.

        Keys: image, normals (0.5 n + 0.5, world axes), albedo, shading (H, W, 3) over white; alpha (H, W); seg (H, W),
        blended logits with 0 where nothing is, or None.
        """
        fields = self.fields(betas, expression, pose)
        shade = shading(self.state, fields.normals_d, self.z)
        colour = np.clip(COLOUR_GAIN * shade * fields.albedo, 0.0, 1.0)
        logit = np.zeros(len(shade)) if fields.seg_logit is None else fields.seg_logit
        layers = [colour, 0.5 * fields.normals_d + 0.5, fields.albedo, shade, np.ones((len(shade), 1)), logit[:, None]]
        positions, depth = project(fields.points_d, world_mat, intrinsics, image_size)
        features = np.concatenate(layers, axis=1)
        picture = splat(positions, depth, features, radius, image_size, max_points_per_pixel)
        white = 1.0 - picture[..., 12:13]
        return {
            "image": picture[..., 0:3] + white,
            "normals": picture[..., 3:6] + white,
            "albedo": picture[..., 6:9] + white,
            "shading": picture[..., 9:12] + white,
            "alpha": picture[..., 12],
            "seg": None if fields.seg_logit is None else picture[..., 13],
        }


def normalize(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt((vectors**2).sum(axis=1, keepdims=True))


def deformed_normals(sdf_gradient: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    """n^d = normalize(J^{-T} n^sc), no sign of the determinant (spec 4)."""
    normals_sc = normalize(sdf_gradient)
    return normalize(np.linalg.solve(jacobian.transpose(0, 2, 1), normals_sc[..., None])[..., 0])
