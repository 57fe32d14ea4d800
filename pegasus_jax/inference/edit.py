"""Edited looks as a video, a contact sheet and look files."""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from pegasus_jax import atomic, media, progress
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.motion import Motion
from pegasus_jax.editing import Look, Recipe
from pegasus_jax.inference import clip
from pegasus_jax.inference.load import load
from pegasus_jax.inference.look_file import find_look, save_look

VIDEO, SHEET, LOOK, LOOKS = "edit.mp4", "sheet.png", "look.json", "looks"
HOLD = round(clip.FPS)  # frames for which a look at rest is shown: a second
_COLUMNS = 6  # of the sheet


def render_edit(
    workdir: pathlib.Path,
    recipe: Recipe,
    *,
    look: str | None,
    drive: pathlib.Path | None,
    out: pathlib.Path,
    image_size: int,
) -> None:
    """Makes the looks of a recipe from an avatar in `workdir` (or an exported `.npz`) and writes them to a new folder.

    `look` is what to start from, a trained look's name or a look file; the person as filmed without it. The folder
    holds `edit.mp4`, `sheet.png` (the start and every look, at rest), and `look.json` or, for several looks,
    `looks/01.json` and so on. In the video each look stays for a second, or moves as the dataset folder `drive` does;
    an interpolation takes a frame per step, or the length of the motion. Each look is baked once (on an
    interpolation's way back through a motion once more), and one compilation serves all.

    Raises:
        UserError: there is no avatar, a name is unknown or does not fit, or `out` already holds something.
    """
    with atomic.folder(out) as folder:
        avatar = load(workdir)
        start = find_look(look, avatar)
        looks = recipe.looks(avatar.trained_looks, start)
        made = media.rendered(f"edited: {looks[0].how}" + (f", and {len(looks) - 1} more looks" if looks[1:] else ""))
        rest = clip.resting(avatar, image_size=image_size)
        if drive:
            motion = clip.driven(avatar, drive, image_size=image_size)
            turns = _turns(recipe, len(motion))
            stills = [clip.render_still(avatar.bake(start.latent), rest)]
            moving = _in_motion(avatar, looks, turns, rest=rest, motion=motion, stills=stills)
            total = sum(len(rows) for _, rows in turns)
            frames = progress.bar(moving, total=total, desc="rendering")
        else:
            bar = progress.bar([start, *looks], desc="rendering", unit="look")
            stills = [clip.render_still(avatar.bake(one.latent), rest) for one in bar]
            hold = 1 if recipe.flowing else HOLD
            order = np.repeat(recipe.order(), hold)
            frames = (stills[1 + index] for index in order)
        media.write_video(folder / VIDEO, frames, fps=clip.FPS, disclosure=made)
        media.write_image(folder / SHEET, _sheet(stills, [start, *looks]), disclosure=made)
        _save(folder, looks, avatar)


def _turns(recipe: Recipe, num_frames: int) -> list[tuple[int, np.ndarray]]:
    """Looks in order, each with the frames of the motion during which it is shown."""
    order = recipe.order()
    if not recipe.flowing:
        return [(index, np.arange(num_frames)) for index in order]
    position = np.round(np.linspace(0, len(order) - 1, num_frames))
    return [(index, np.flatnonzero(position == turn)) for turn, index in enumerate(order)]


def _in_motion(
    avatar: Avatar,
    looks: Sequence[Look],
    turns: Sequence[tuple[int, np.ndarray]],
    *,
    rest: Motion,
    motion: Motion,
    stills: list[np.ndarray],
) -> Iterator[np.ndarray]:
    """The video's frames; each look's still is appended to `stills` at its first turn."""
    seen: set[int] = set()
    for index, rows in turns:
        baked = avatar.bake(looks[index].latent)
        if index not in seen:
            seen.add(index)
            stills.append(clip.render_still(baked, rest))
        yield from clip.render_frames(baked, motion.frames(rows))


def _sheet(stills: Sequence[np.ndarray], looks: Sequence[Look]) -> np.ndarray:
    """Every look with its number and how it was made; 0 is the start."""
    columns = min(_COLUMNS, len(stills))
    labels = [f"{number}: {look.how}" for number, look in enumerate(looks)]
    blank = [np.full_like(stills[0], 255)] * columns
    rows = []
    for first in range(0, len(stills), columns):
        row = [*stills[first : first + columns], *blank][:columns]
        rows.append(media.contact_sheet([row], labels=labels[first : first + columns]))
    return np.concatenate(rows)


def _save(folder: pathlib.Path, looks: Sequence[Look], avatar: Avatar) -> None:
    if len(looks) == 1:
        save_look(folder / LOOK, looks[0], avatar)
        return
    digits = max(2, len(str(len(looks))))
    for number, look in enumerate(looks, 1):
        save_look(folder / LOOKS / f"{number:0{digits}d}.json", look, avatar)
