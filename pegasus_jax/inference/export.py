"""`launch.py export --workdir=…`: an avatar, or one of its looks, for other programs."""

import pathlib
from collections.abc import Mapping
from typing import Literal, cast, get_args

import jax
import numpy as np

from pegasus_jax import atomic, families, media, progress
from pegasus_jax.core.avatar import Avatar, BakedLook, HasPrimitives, Primitives
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.errors import UserError
from pegasus_jax.inference import clip, ply, web
from pegasus_jax.inference.load import load
from pegasus_jax.inference.look_file import find_look

Kind = Literal["avatar", "baked", "splats", "points", "pictures", "video", "web"]
KINDS: tuple[str, ...] = get_args(Kind)
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "avatar": (".npz",),
    "baked": (".npz",),
    "splats": (".ply",),
    "points": (".ply",),
    "pictures": (".png",),
    "video": (".webm", ".mov"),
    "web": (),
}
_OF_ONE_FRAME = ("splats", "points", "pictures")


def check_out(kind: str, out: pathlib.Path, *, sequence: bool) -> None:
    """Whether `export_avatar` can write there.

    Raises:
        UserError: the suffix does not fit the kind.
    """
    if sequence and kind not in _OF_ONE_FRAME:
        raise UserError(f"--sequence is for splats, points and pictures; {kind} is one for all frames.")
    if sequence and out.suffix:
        raise UserError(f"--out={out} must be a folder: --sequence writes a file for every frame.")
    if kind == "web" and out.suffix:
        raise UserError(f"--out={out} must be a folder for --kind=web.")
    if not sequence and kind != "web" and out.suffix.lower() not in _SUFFIXES[kind]:
        raise UserError(f"--out={out} must end in {' or '.join(_SUFFIXES[kind])} for --kind={kind}.")


def export_avatar(
    workdir: pathlib.Path,
    kind: Kind,
    *,
    look: str | None,
    drive: pathlib.Path | None,
    frame: int,
    sequence: bool,
    dtype: str,
    image_size: int,
    out: pathlib.Path,
) -> None:
    """Writes the avatar in `workdir`, or a look of it, to `out`.

    "avatar" is what every command takes instead of a work folder; "baked" one look that needs no network, as arrays and
    as a program (`docs/export.md`); "splats", "points" and "pictures" one frame as `.ply` or as `.png` with alpha:
    number `frame`, from 1, of the dataset folder `drive`, or at rest, or with `sequence` every frame, in a folder;
    "video" all frames with alpha; "web" a folder that is a web page, which plays the motion of `drive`.

    Raises:
        UserError: there is no such avatar, look or frame, or `check_out` says no.
    """
    check_out(kind, out, sequence=sequence)
    if kind == "video" and drive is None:
        raise UserError("--kind=video needs --drive=DATASET_FOLDER, whose motion it shows.")
    avatar = load(workdir)
    if kind == "avatar":
        return avatar.save(out)
    if kind in ("splats", "points"):
        _check(avatar, "primitives", f"--kind={kind}")
    if kind == "web" and "web" not in avatar.capabilities:
        raise UserError(
            f"--kind=web shows rigged Gaussians, and this avatar is of {avatar.description.family}; train one with "
            "--config=configs/gaussians_laptop.py."
        )
    chosen = find_look(look, avatar)
    baked = avatar.bake(chosen.latent, dtype=dtype)
    if kind == "baked":
        _check(avatar, "program", "--kind=baked")
        return families.find(avatar.description.family).write_portable(out, baked, image_size=image_size)
    motion = _motion(avatar, drive, image_size=image_size)
    made = media.rendered(chosen.how)
    if kind == "web":
        return web.write_page(out, avatar, baked, motion, plays=drive is not None, made=made)
    if kind == "video":
        frames = clip.render_frames(baked, motion, with_alpha=True)
        frames = progress.bar(frames, total=len(motion), desc="exporting")
        return media.write_video(out, frames, fps=clip.FPS, disclosure=made)
    if sequence:
        return _write_sequence(out, kind, baked, motion, made)
    if not 1 <= frame <= len(motion):
        raise UserError(f"--frame={frame} must be from 1 to {len(motion)}.")
    _write_frame(out, kind, baked, motion.frames(np.array([frame - 1])), made)


def _motion(avatar: Avatar, drive: pathlib.Path | None, *, image_size: int) -> Motion:
    if drive:
        return clip.driven(avatar, drive, image_size=image_size)
    return clip.resting(avatar, image_size=image_size).frames(np.arange(1))


def _write_sequence(out: pathlib.Path, kind: str, baked: BakedLook, motion: Motion, made: media.Disclosure) -> None:
    (suffix,) = _SUFFIXES[kind]
    with atomic.folder(out) as folder:
        for index in progress.bar(range(len(motion)), desc="exporting", unit="frame"):
            _write_frame(folder / f"{index + 1:05d}{suffix}", kind, baked, motion.frames(np.array([index])), made)


def _write_frame(path: pathlib.Path, kind: str, baked: BakedLook, motion: Motion, made: media.Disclosure) -> None:
    """The first frame of a motion as a file of its own."""
    if kind == "pictures":
        return media.write_image(path, clip.render_still(baked, motion, with_alpha=True), disclosure=made)
    motion = motion.frames(0)
    write = ply.write_splats if kind == "splats" else ply.write_points
    write(path, _primitives(baked, motion.params, motion.cameras))


@jax.jit
def _primitives(baked: BakedLook, params: FlameParams, camera: Camera) -> Primitives:
    return cast(HasPrimitives, baked).primitives(params, camera)


def _check(avatar: Avatar, capability: str, what: str) -> None:
    if capability not in avatar.capabilities:
        raise UserError(f"{what} needs an avatar made of primitives; this one is of {avatar.description.family}.")
