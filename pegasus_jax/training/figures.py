"""Pictures that a run leaves in its work folder."""

import pathlib
from collections.abc import Sequence

import numpy as np

from pegasus_jax import media
from pegasus_jax.core.model import AvatarModel, TrainState
from pegasus_jax.data.frames import Batch
from pegasus_jax.data.store import FrameStore


def held_out_sheet(
    workdir: pathlib.Path,
    model: AvatarModel,
    state: TrainState,
    frames: FrameStore,
    *,
    looks: Sequence[str],
    rows: int = 6,
) -> None:
    """`figures/held_out_<frames seen>.png`: held-out frames, and beside each what the model draws of it.

    Some of the person as filmed, and below them one of each other look, under its name.
    """
    own = np.flatnonzero(frames.look == 0)
    chosen = _spread(own, rows)
    columns, grid = _rows(model, state, frames.batch(chosen))
    names = [""] * len(grid)
    for number, name in enumerate(looks[1:], start=1):
        worn = np.flatnonzero(frames.look == number)
        if len(worn):
            same = np.full(len(chosen), worn[len(worn) // 2])  # one program draws as many frames of any look
            grid += _rows(model, state, frames.batch(same))[1][:1]
            names.append(name)
    path = workdir / "figures" / f"held_out_{int(state.frames_seen):07d}.png"
    labelled = names if len(looks) > 1 else ()
    sheet = media.contact_sheet(grid, labels=columns, row_labels=labelled)
    media.write_image(path, sheet, disclosure=media.composed("held-out pictures beside an avatar's"))


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]


def _rows(model: AvatarModel, state: TrainState, frames: Batch) -> tuple[list[str], list[list[np.ndarray]]]:
    """Names of the columns, and the pictures of each of some frames of one look."""
    columns = {"ground truth": frames.over_white(), **model.draw(state, frames)}
    grid = [[np.asarray(column[row]) for column in columns.values()] for row in range(len(frames.frame))]
    return list(columns), grid
