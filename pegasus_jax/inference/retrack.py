"""`launch.py track`: a clip's dataset folder again, with what the person's own avatar finds in its frames."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax import media, progress
from pegasus_jax.core import metrics
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.motion import Motion
from pegasus_jax.data import Dataset, DatasetWriter, read_dataset
from pegasus_jax.data.frames import Batch, load_frames, take
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import check_head
from pegasus_jax.inference.clip import render_pictures
from pegasus_jax.inference.frame_params import frame_params_of
from pegasus_jax.inference.load import load
from pegasus_jax.inference.track import track

_SIDE = 128  # pixels of the pictures that frames are fitted to
_SHEET_ROWS = 8


@dataclasses.dataclass(frozen=True)
class Retracked:
    """What `retrack_clip` did: mean PSNR over white, dB, of the avatar's pictures before and after."""

    out: pathlib.Path
    frames: int
    before: float
    after: float

    def __str__(self) -> str:
        return (
            f"{self.frames} frames re-tracked into {self.out}: the avatar's pictures came from {self.before:.2f} to "
            f"{self.after:.2f} dB PSNR; look at figures/tracking.png."
        )


def retrack_clip(workdir: pathlib.Path, data: pathlib.Path, out: pathlib.Path) -> Retracked:
    """Writes the dataset folder `data` to `out` with pose, expression and translation as the avatar finds them.

    The avatar, of a work folder or an `.npz`, is of the clip's person; it stays as it is. Pictures are copied; the
    shape becomes the avatar's.

    Raises:
        UserError: there is no avatar, the folder is not valid or was captured with another head model, or `out` is
            something else already.
    """
    avatar, clip = load(workdir), read_dataset(data)
    check_head(clip, avatar.head)
    if np.ptp(clip.intrinsics, axis=0).max() > 0:
        raise UserError(f"{data} was filmed by several cameras; track takes the pictures of one.")
    if out.resolve() == data.resolve():
        raise UserError(f"--out={out} is the folder that is read; name another one.")
    baked = avatar.bake(avatar.latent(clip.look if clip.look in avatar.looks else None))
    frames = load_frames(clip, np.arange(len(clip)), image_size=(_SIDE, _SIDE))
    motion = track(baked, frames, desc=f"tracking {clip.folder.name}")
    before, after = (render_pictures(baked, drive)[0] for drive in (frames.motion, motion))
    found = Retracked(out, len(clip), _psnr(before, frames), _psnr(after, frames))
    _write(out, _moved(clip, motion, avatar), avatar, found, sheet=_sheet(frames, before, after))
    return found


def _moved(clip: Dataset, motion: Motion, avatar: Avatar) -> Dataset:
    """The clip as the avatar sees it."""
    return dataclasses.replace(
        clip,
        world_mat=motion.cameras.to_imavatar()[0],
        expression=np.asarray(motion.params.expression),
        pose=np.asarray(motion.params.pose),
        frame_betas=np.tile(np.asarray(avatar.betas), (len(clip), 1)),
    )


def _write(out: pathlib.Path, clip: Dataset, avatar: Avatar, found: Retracked, *, sheet: np.ndarray) -> None:
    capture: dict[str, Any] = clip.capture | {
        "tracked_by": {
            "avatar": avatar.fingerprint,
            "psnr_before": round(found.before, 3),
            "psnr_after": round(found.after, 3),
        }
    }
    with DatasetWriter(out, image_size=clip.image_size) as writer:
        for index in progress.bar(range(len(clip)), desc="writing"):
            image, matte = clip.images(indices=[index])[0], clip.masks(indices=[index])[0]
            parts = {name: clip.parts(name, indices=[index])[0] for name in clip.part_names}
            writer.add(int(clip.numbers[index]), image, matte, parts=parts)
        made = media.composed("frames beside an avatar's pictures of them")
        media.write_image(writer.folder / "figures" / "tracking.png", sheet, disclosure=made)
        frames = [frame_params_of(clip, index, avatar.head) for index in range(len(clip))]
        writer.finish(frames=frames, betas=clip.betas, intrinsics=clip.intrinsics[0], capture=capture)


def _psnr(images: np.ndarray, frames: Batch) -> float:
    return float(jnp.mean(jax.jit(jax.vmap(metrics.psnr))(images, frames.over_white())))


def _sheet(frames: Batch, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Some frames, and what the avatar shows of them as they were tracked before and after."""
    rows = np.unique(np.linspace(0, len(before) - 1, _SHEET_ROWS).astype(int))
    truth = np.asarray(take(frames, rows).over_white())
    grid = [[truth[place], before[row], after[row]] for place, row in enumerate(rows)]
    return media.contact_sheet(grid, labels=["frame", "as tracked", "re-tracked"])
