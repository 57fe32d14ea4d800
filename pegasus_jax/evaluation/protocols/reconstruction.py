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
from pegasus_jax.evaluation.lpips import Lpips
from pegasus_jax.evaluation.perceptual import mean_lpips
from pegasus_jax.evaluation.portraits import Observer, dlib_distance, missing_landmarker
from pegasus_jax.evaluation.protocols.protocol import check_counts
from pegasus_jax.evaluation.reconstruction import Pictures
from pegasus_jax.evaluation.redetection import redetection
from pegasus_jax.evaluation.spectra import radial_spectrum, spectra_plot
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table
from pegasus_jax.evaluation.vgg_features import VggDistance
from pegasus_jax.evaluation.weights import NotComputed

CLOTHING = "clothing"  # the attribute whose masks say where clothes are
_SHEET_ROWS = 8


@dataclasses.dataclass(frozen=True)
class Reconstruction:
    """Settings; all held-out frames are used, by networks `network_frames` of them."""

    retracked: bool = True  # also frames whose drive the avatar itself, frozen, finds in them
    track_size: int = 128  # pixels: side of the pictures that it finds it in
    opened: bool = False  # renders pass a 3x3 minimum and then a 3x3 maximum filter, as the published pictures do
    clothing: bool = True  # False: clothes are painted white in both pictures
    redetection_size: int = 256  # pixels: side of the renders that MediaPipe looks at
    network_frames: int = 24  # held-out frames, at equal distances, for distances of faces and of VGG features
    vgg_weights: str = ""  # a file of VGG16's weights; all that are found without it

    def __post_init__(self):
        check_counts(self, "track_size", "redetection_size", "network_frames")

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Pictures: rows by clip and kind. Redetection: what MediaPipe sees on renders of tracked frames."""
        pictures, seen, networks = [], [], _Networks.found(self.vgg_weights)
        for clip in subject.clips:
            baked = subject.avatar.bake(subject.latent_shown(clip))
            rows = subject.rows(clip)
            pictures += self._figures(subject, clip, baked, rows, networks)
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
        return (
            f"Held-out frames over white by their soft mattes, whole pictures, {opened}, {clothing}. PSNR in dB, "
            "higher is nearer. Sharpness inside the person, and inside eyes and mouth: 1 is the frames' own, lower is "
            f"softer. By networks, on {self.network_frames} of the frames at most, lower is more alike: distances of "
            "dlib's face descriptors (photographs of one person are less than 0.6 apart), and of VGG features by their "
            "file's name."
        )

    def _figures(
        self, subject: Subject, clip: Dataset, baked: BakedLook, rows: np.ndarray, networks: "_Networks"
    ) -> list[Row]:
        others = np.setdiff1d(np.arange(len(clip)), rows)
        train, test = subject.frames(clip, others), subject.frames(clip, rows)
        renders = {"tracked": reconstruction.render_drive(baked, reconstruction.drive_of(test))}
        if self.retracked:
            small = subject.frames(clip, rows, image_size=min(self.track_size, subject.image_size))
            drive = reconstruction.retracked_drive(baked, test, small)
            renders["re-tracked"] = reconstruction.render_drive(baked, drive)
        for kind, composed in subject.without_alignment(subject.latent_shown(clip)).items():
            renders[kind] = reconstruction.render_drive(composed, reconstruction.drive_of(test))
        if self.opened:
            renders = {kind: opened(pictures) for kind, pictures in renders.items()}
        pictures = renders | reconstruction.stills(train, test)
        _write_sheet(subject, clip, test, pictures)
        _write_spectra(subject, clip, test, pictures)
        found = self._compared(pictures, clip, test, rows, networks)
        return [Row((clip.folder.name, kind), figures) for kind, figures in found.items()]

    def _compared(
        self, pictures: dict[str, Pictures], clip: Dataset, test: Batch, rows: np.ndarray, networks: "_Networks"
    ) -> dict[str, dict[str, Figure]]:
        """Figures by kind of picture."""
        if not self.clothing:
            if CLOTHING not in clip.part_names:
                missing = NotComputed(f"masks of the clothing: {clip.folder}/parts/{CLOTHING}")
                return {kind: {"psnr": missing} for kind in pictures}
            masks = clip.parts(CLOTHING, indices=rows, image_size=test.image.shape[1:3]) > 127
            test = dataclasses.replace(test, matte=np.where(masks, 0, test.matte))
            pictures = {kind: painted_white(one, masks) for kind, one in pictures.items()}
        compared = _Compared(test, networks, count=self.network_frames)
        return {kind: compared.figures(one) for kind, one in pictures.items()}


@dataclasses.dataclass(frozen=True)
class _Networks:
    """Whose opinion is asked, as far as their files are here."""

    observer: Observer
    vgg: dict[str, VggDistance | NotComputed]  # by the figure's name
    lpips: Lpips | NotComputed

    @classmethod
    def found(cls, vgg_weights: str) -> "_Networks":
        return cls(Observer.found(), weights.vgg_distances(vgg_weights), weights.lpips())


class _Compared:
    """Frames that pictures are compared with, and how networks see `count` of them at equal distances."""

    def __init__(self, frames: Batch, networks: _Networks, *, count: int):
        self._frames, self._networks = frames, networks
        self._some = np.unique(np.round(np.linspace(0, len(frames.frame) - 1, count)).astype(int))
        self._target = np.asarray(frames.over_white())
        self._portraits = networks.observer.look(self._target[self._some])

    def figures(self, pictures: Pictures) -> dict[str, Figure]:
        """Of pictures of all the frames."""
        some, target = pictures.image[self._some], self._target[self._some]
        return {
            **reconstruction.figures_of(pictures, self._frames),
            "dlib_distance": dlib_distance(self._networks.observer.look(some), self._portraits),
            **{
                name: distance if isinstance(distance, NotComputed) else distance(some, target)
                for name, distance in self._networks.vgg.items()
            },
            "lpips": mean_lpips(self._networks.lpips, pictures.image, self._target),
        }


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


def _write_spectra(subject: Subject, clip: Dataset, test: Batch, pictures: dict[str, Pictures]) -> None:
    mattes = np.asarray(test.alpha())
    shown = {kind: prediction.image for kind, prediction in pictures.items() if kind != reconstruction.CONSTANT}
    images = {"ground truth": np.asarray(test.over_white()), **shown}
    plot = spectra_plot({kind: radial_spectrum(each, mattes) for kind, each in images.items()})
    path = subject.results / "figures" / f"evaluation_{clip.folder.name}_spectrum.png"
    media.write_image(path, plot, disclosure=None)  # curves, no picture of anyone
