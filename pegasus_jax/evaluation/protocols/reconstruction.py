"""Held-out reconstruction: how near an avatar's pictures come to frames that it never saw, stills beside them.

Each clip is pictured under the look that it shows. Spec section 14.1 (main table 3; PERSE table 1).
"""

import dataclasses

import cv2
import numpy as np

from pegasus_jax import media
from pegasus_jax.core.avatar import BakedLook
from pegasus_jax.core.motion import Motion
from pegasus_jax.data import Dataset
from pegasus_jax.data.frames import Batch
from pegasus_jax.evaluation import reconstruction, weights
from pegasus_jax.evaluation.perceptual import mean_lpips
from pegasus_jax.evaluation.portraits import missing_landmarker
from pegasus_jax.evaluation.reconstruction import Pictures
from pegasus_jax.evaluation.redetection import redetection
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table
from pegasus_jax.evaluation.weights import NotComputed

CLOTHING = "clothing"  # the attribute whose masks say where clothes are
_SHEET_ROWS = 8


@dataclasses.dataclass(frozen=True)
class Reconstruction:
    """Settings; all held-out frames are used."""

    refined: bool = True  # also frames whose drive is fitted to them, the avatar frozen
    opened: bool = False  # renders pass a 3x3 minimum and then a 3x3 maximum filter, as the published pictures do
    clothing: bool = True  # False: clothes are painted white in both pictures
    redetection_size: int = 256  # pixels: side of the renders that MediaPipe looks at

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Pictures: rows by clip and kind. Redetection: what MediaPipe sees on renders of tracked frames."""
        pictures, seen = [], []
        for clip in subject.clips:
            baked = subject.avatar.bake(subject.latent_shown(clip))
            rows = subject.rows(clip)
            pictures += self._figures(subject, clip, baked, rows)
            drive = subject.drive(clip, rows, image_size=self.redetection_size)
            seen.append(Row((clip.folder.name,), _redetection(baked, drive, clip.images(indices=rows))))
        return {
            "pictures": Table(self._about(), ("clip", "picture"), tuple(pictures)),
            "redetection": Table(
                f"MediaPipe on renders of held-out frames as tracked, {self.redetection_size} pixels:",
                ("clip",),
                tuple(seen),
            ),
        }

    def _about(self) -> str:
        opened = "renders eroded and dilated (3x3)" if self.opened else "renders as they are"
        clothing = "with clothing" if self.clothing else "clothing painted white in both pictures"
        return f"Held-out frames over white by their soft mattes, whole pictures, {opened}, {clothing}. PSNR in dB."

    def _figures(self, subject: Subject, clip: Dataset, baked: BakedLook, rows: np.ndarray) -> list[Row]:
        others = np.setdiff1d(np.arange(len(clip)), rows)
        train, test = subject.frames(clip, others), subject.frames(clip, rows)
        renders = {"tracked": reconstruction.render_drive(baked, reconstruction.drive_of(test))}
        if self.refined:
            drive = reconstruction.refined_drive(baked, test)
            renders["refined"] = reconstruction.render_drive(baked, drive)
        for kind, composed in subject.without_alignment(subject.latent_shown(clip)).items():
            renders[kind] = reconstruction.render_drive(composed, reconstruction.drive_of(test))
        if self.opened:
            renders = {kind: opened(pictures) for kind, pictures in renders.items()}
        stills = reconstruction.stills(train, test)
        _write_sheet(subject, clip, test, renders | stills)
        return [
            Row((clip.folder.name, kind), self._compared(pictures, clip, test, rows))
            for kind, pictures in (renders | stills).items()
        ]

    def _compared(self, pictures: Pictures, clip: Dataset, test: Batch, rows: np.ndarray) -> dict[str, Figure]:
        if self.clothing:
            return _with_lpips(pictures, test)
        if CLOTHING not in clip.part_names:
            return {"psnr": NotComputed(f"masks of the clothing: {clip.folder}/parts/{CLOTHING}")}
        masks = clip.parts(CLOTHING, indices=rows, image_size=test.image.shape[1:3])
        bare = dataclasses.replace(test, matte=np.where(masks > 127, 0, test.matte))
        return _with_lpips(painted_white(pictures, masks > 127), bare)


def _with_lpips(pictures: Pictures, frames: Batch) -> dict[str, Figure]:
    perceptual = mean_lpips(weights.lpips(), pictures.image, np.asarray(frames.over_white()))
    return {**reconstruction.figures_of(pictures, frames), "lpips": perceptual}


def _redetection(baked: BakedLook, drive: Motion, frames: np.ndarray) -> dict[str, Figure]:
    """What MediaPipe sees on renders of a drive, compared with the frames (N, H, W, 3) uint8 that they follow."""
    if missing := missing_landmarker():
        return {"face_found": missing}
    renders = np.round(255.0 * reconstruction.render_drive(baked, drive).image).astype(np.uint8)
    return dict(redetection(renders, frames))


def opened(pictures: Pictures) -> Pictures:
    """Pictures after a 3x3 minimum and then a 3x3 maximum filter of each channel: without white specks. Spec 11.1."""
    kernel = np.ones((3, 3), np.uint8)
    images = np.stack([cv2.morphologyEx(image, cv2.MORPH_OPEN, kernel) for image in pictures.image])
    return Pictures(images, pictures.alpha)


def painted_white(pictures: Pictures, masks: np.ndarray) -> Pictures:
    """Pictures in which nothing is seen where `masks` (N, H, W) bool are."""
    return Pictures(np.where(masks[..., None], 1.0, pictures.image), np.where(masks, 0.0, pictures.alpha))


def _write_sheet(subject: Subject, clip: Dataset, test: Batch, pictures: dict[str, Pictures]) -> None:
    rows = np.linspace(0, len(test.frame) - 1, min(_SHEET_ROWS, len(test.frame))).astype(int)
    target = np.asarray(test.over_white())
    shown = {kind: prediction.image for kind, prediction in pictures.items() if kind != reconstruction.CONSTANT}
    grid = [[target[row], *(images[row] for images in shown.values())] for row in rows]
    path = subject.results / "figures" / f"evaluation_{clip.folder.name}.png"
    sheet = media.contact_sheet(grid, labels=["ground truth", *shown])
    media.write_image(path, sheet, disclosure=media.composed("held-out pictures beside an avatar's"))
