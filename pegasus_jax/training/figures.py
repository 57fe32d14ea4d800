"""Pictures that a run leaves in its work folder."""

import functools
import pathlib

import jax
import numpy as np
from flax import nnx

from pegasus_jax import media
from pegasus_jax.data.frames import Batch, take
from pegasus_jax.models import latents
from pegasus_jax.models.frame import render_frames
from pegasus_jax.models.networks import canonicalise
from pegasus_jax.models.render import Render, RenderOptions
from pegasus_jax.training.state import TrainState
from pegasus_jax.training.step import Scene

_COLUMNS = ("ground truth", "render", "normals", "albedo", "shading")
_OPTIONS = RenderOptions(channels=("rgb", "normals", "albedo", "shading"))


def held_out_sheet(
    workdir: pathlib.Path,
    graphdef: nnx.GraphDef,
    state: TrainState,
    scene: Scene,
    frames: Batch,
    *,
    rows: int = 6,
) -> None:
    """`figures/held_out_<frames seen>.png`: ground truth | render | normals | albedo | shading of held-out frames."""
    chosen = take(frames, np.linspace(0, len(frames.frame) - 1, min(rows, len(frames.frame))).astype(int))
    render = _render(graphdef, state, scene, chosen)
    pictures = (chosen.over_white(), render.image, render.normals, render.albedo, render.shading)
    grid = [[np.asarray(column[row]) for column in pictures] for row in range(len(chosen.frame))]
    path = workdir / "figures" / f"held_out_{int(state.frames_seen):07d}.png"
    media.write_image(path, media.contact_sheet(grid, labels=_COLUMNS))


@functools.partial(jax.jit, static_argnums=0)
def _render(graphdef: nnx.GraphDef, state: TrainState, scene: Scene, frames: Batch) -> Render:
    networks = nnx.merge(graphdef, state.params.networks)
    z = latents.flatten(networks.latents.latent())
    cloud = state.cloud
    points = canonicalise(
        networks, scene.space, state.params.points, z, cloud.nearest, cloud.part, jacobian_gradient=False
    )
    return render_frames(
        networks,
        scene.space,
        points,
        z,
        betas=frames.betas,
        expression=frames.expression,
        pose=frames.pose,
        cameras=frames.cameras,
        radius=cloud.radius,
        alive=cloud.alive,
        options=_OPTIONS,
    )
