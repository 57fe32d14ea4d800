"""Pictures that a run leaves in its work folder."""

import functools
import pathlib
from collections.abc import Sequence

import jax
import numpy as np
from flax import nnx

from pegasus_jax import media
from pegasus_jax.core import latents
from pegasus_jax.data.frames import Batch
from pegasus_jax.data.store import FrameStore
from pegasus_jax.families.points.frame import render_frames
from pegasus_jax.families.points.networks import canonicalise
from pegasus_jax.families.points.render import Render, RenderOptions
from pegasus_jax.training.state import TrainState
from pegasus_jax.training.step import Scene

_COLUMNS = ("ground truth", "render", "normals", "albedo", "shading")
_OPTIONS = RenderOptions(channels=("rgb", "normals", "albedo", "shading"))


def held_out_sheet(
    workdir: pathlib.Path,
    graphdef: nnx.GraphDef,
    state: TrainState,
    scene: Scene,
    frames: FrameStore,
    *,
    looks: Sequence[str],
    rows: int = 6,
) -> None:
    """`figures/held_out_<frames seen>.png`: ground truth | render | normals | albedo | shading of held-out frames.

    Some of the person as filmed, and below them one of each other look, under its name.
    """
    own = np.flatnonzero(frames.look == 0)
    chosen = _spread(own, rows)
    grid = _rows(graphdef, state, scene, frames.batch(chosen))
    names = [""] * len(grid)
    for number, name in enumerate(looks[1:], start=1):
        worn = np.flatnonzero(frames.look == number)
        if len(worn):
            same = np.full(len(chosen), worn[len(worn) // 2])  # one program draws as many frames of any look
            grid += _rows(graphdef, state, scene, frames.batch(same))[:1]
            names.append(name)
    path = workdir / "figures" / f"held_out_{int(state.frames_seen):07d}.png"
    labelled = names if len(looks) > 1 else ()
    sheet = media.contact_sheet(grid, labels=_COLUMNS, row_labels=labelled)
    media.write_image(path, sheet, disclosure=media.composed("held-out pictures beside an avatar's"))


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]


def _rows(graphdef: nnx.GraphDef, state: TrainState, scene: Scene, frames: Batch) -> list[list[np.ndarray]]:
    """The columns of each of some frames of one look."""
    render = _render(graphdef, state, scene, frames)
    pictures = (frames.over_white(), render.image, render.normals, render.albedo, render.shading)
    return [[np.asarray(column[row]) for column in pictures] for row in range(len(frames.frame))]


@functools.partial(jax.jit, static_argnums=0)
def _render(graphdef: nnx.GraphDef, state: TrainState, scene: Scene, frames: Batch) -> Render:
    networks = nnx.merge(graphdef, state.params.networks)
    look = frames.look[0]
    z = latents.flatten(networks.latents.latent(look))
    cloud = state.cloud
    points = canonicalise(
        networks, scene.space, state.params.points, z, cloud.nearest[look], cloud.part, jacobian_gradient=False
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
