"""A family of avatars in a hundred lines: discs on the head's vertices that learn their colours, and nothing else."""

import dataclasses
import os

import jax
import jax.numpy as jnp
import optax
from flax import nnx

import rasterizer
from pegasus_jax import npz_file
from pegasus_jax.core.avatar import Avatar, BakedLook, Primitives
from pegasus_jax.core.latents import LatentTable
from pegasus_jax.core.model import Rate
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.core.settings import typed
from pegasus_jax.editing import TrainedLooks
from pegasus_jax.families.description import AvatarDescription
from pegasus_jax.flame import lbs

SIGMA = 0.05  # head units


@dataclasses.dataclass(frozen=True)
class ToySettings:
    rate: float


def draw(head, colours, params, camera, extra=None) -> Render:
    vertices = lbs.vertices(head, params.betas, params.expression, params.pose)
    means2d, depths = camera.project(vertices)
    radii = 2.0 * SIGMA * camera.intrinsics[0] / depths
    features = colours if extra is None else jnp.concatenate([colours, extra], axis=1)
    out = rasterizer.splat(means2d, depths, radii, features, image_size=camera.image_size)
    white = 1.0 - out.alpha[..., None]
    return Render(out.image[..., :3] + white, out.alpha, extra=out.image[..., 3:], overflow=out.overflow)


class ToyModel:
    def __init__(self, run):
        self.run, self.constants = run, jax.tree.map(jnp.asarray, run.head)

    def initialize(self):
        return {"colours": jnp.full((self.run.head.num_vertices, 3), 0.5)}, {}

    def prepare(self, frame):
        return frame

    def adam(self):
        return optax.scale_by_adam()

    def labels(self, params):
        return {"colours": "colours"}

    def rates(self, frames_seen):
        return {"colours": Rate(self.run.settings.rate)}

    def forward(self, params, primitives, batch, constants, *, overlaps_per_point, key):
        return jax.vmap(lambda one: draw(constants, params["colours"], one.params, one.cameras))(batch.motion), None

    def losses(self, params, primitives, batch, constants, render, aux, *, background, key, frames_seen):
        return {"rgb": jnp.mean(jnp.abs(render.image - batch.over_white()))}

    def weights(self, frames_seen):
        return {"rgb": 1.0}

    def statistics(self, params, batch, render, aux):
        return {}

    def hold(self, new, old, statistics):
        return new

    def observe(self, primitives, statistics):
        return primitives

    def next_pause(self, seen, step_frames):
        return self.run.total_frames

    def change(self, state, seen, step_frames):
        return state

    def largest(self, state):
        return state

    def size(self, state):
        return f"{self.run.head.num_vertices} discs"

    def memory_knob(self):
        return "the head"

    def figures(self, state):
        return {"points": self.run.head.num_vertices}

    def draw(self, state, batch):
        rendered = self.forward(state.params, {}, batch, self.constants, overlaps_per_point=16, key=None)[0]
        return {"render": rendered.image}

    def finish(self, state, folder):
        pass

    def describe(self):
        return {}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ToyLook(BakedLook):
    head: object
    colours: jax.Array
    betas: jax.Array

    def render_frame(self, params, camera, *, options: RenderOptions, extra=None):
        return draw(self.head, self.colours, params, camera, extra)

    def primitives(self, params, camera):
        means, count = lbs.vertices(self.head, params.betas, params.expression, params.pose), len(self.colours)
        turns = jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0]), (count, 1))
        ones = jnp.ones((count, 3))
        there = jnp.ones(count, bool)
        return Primitives(means, turns, SIGMA * ones, jnp.full(count, 0.9), self.colours, ones, 0.0 * ones, there)


class ToyAvatar(Avatar):
    capabilities, fingerprint, size = frozenset({"primitives"}), "0", "discs"
    trained_looks = property(lambda self: self._looks)

    def __init__(self, description, arrays):
        self.description, self.stored, self.head = description, arrays, description.load_head()
        self.betas = jnp.asarray(description.betas, jnp.float32)
        self.expression_c = jnp.asarray(description.canonical_expression, jnp.float32)
        table = LatentTable(code_size=0, look_categories=(), rngs=nnx.Rngs(0))
        self._looks = TrainedLooks(description.looks, table)

    def bake(self, latent=None, *, dtype="float32"):
        return ToyLook(jax.tree.map(jnp.asarray, self.head), jnp.asarray(self.stored["colours"]), self.betas)

    def save(self, path: str | os.PathLike):
        npz_file.write_npz(path, self.stored)


def settings(values, *, total_frames):
    return typed(ToySettings, values, "top level")


def with_looks(settings, categories):
    return settings


def check_device(settings):
    pass


def needs_normals(settings):
    return False


model = ToyModel


def arrays(workdir, leaves):
    return {"colours": leaves["params.colours"]}


def open(arrays, *, where):
    description = AvatarDescription.from_json(npz_file.array_json(arrays, "description", where=where), where=where)
    return ToyAvatar(description, dict(arrays))
