"""From a video to a dataset folder: every stage once, in order."""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from pegasus_jax import progress
from pegasus_jax.capture import figures, quality
from pegasus_jax.capture.accuracy import Accuracy, accuracy
from pegasus_jax.capture.align import Alignment, align
from pegasus_jax.capture.crop import Crop, head_crop
from pegasus_jax.capture.face_landmarks import FaceDetections, FaceDetector
from pegasus_jax.capture.fit import fit_landmarks
from pegasus_jax.capture.landmark_term import landmark_points, project_clip
from pegasus_jax.capture.mattes import Segmenters, around_face
from pegasus_jax.capture.matting import estimate_foreground, solve_matte
from pegasus_jax.capture.observations import landmark_map
from pegasus_jax.capture.one_face import follow_face
from pegasus_jax.capture.parts import part_masks
from pegasus_jax.capture.posing import vertex_points
from pegasus_jax.capture.record import frame_params, per_frame, provenance
from pegasus_jax.capture.track import Track
from pegasus_jax.capture.video import Frame, read_frames, source_sha256
from pegasus_jax.data import DatasetWriter
from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import JAW_OPEN, NECK, HeadModel
from pegasus_jax.media import write_image

_MIN_IMAGE_SIZE = 64
_MIN_USABLE_FRAMES = 8
_FIGURE_EVERY = 10
_MAX_FIGURE_TILES = 60
_ALIGN_SIDE = 256


@dataclasses.dataclass(frozen=True)
class CaptureSummary:
    """What a capture achieved; errors in percent of the distance between the outer eye corners."""

    out: pathlib.Path
    num_frames: int
    num_dropped: int
    reprojection: float
    iris: float | None
    jitter: float | None
    detector_jitter: float | None
    photometric_before: float  # mean colour residual of the face in 8-bit steps, landmark fit
    photometric_after: float  # the same once aligned
    focal: float  # crop sides
    seconds_per_frame: float
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        """One line for the terminal, then the warnings."""
        iris = "" if self.iris is None else f", irises {self.iris:.2f} %"
        line = (
            f"{self.out}: {self.num_frames} frames, {self.num_dropped} dropped; landmarks {self.reprojection:.2f} %"
            f"{iris} of the eye distance; colour residual {self.photometric_before:.1f} -> "
            f"{self.photometric_after:.1f}; {self.seconds_per_frame:.2f} s a frame"
        )
        return "\n".join([line, *(f"Warning: {warning}" for warning in self.warnings)])


@dataclasses.dataclass(frozen=True)
class _Source:
    """What to read, and how often."""

    video: pathlib.Path
    max_frames: int | None
    fps: float | None

    def frames(self, *, told: Callable[[str], None] = progress.note) -> Iterator[Frame]:
        return read_frames(self.video, max_frames=self.max_frames, fps=self.fps, told=told)


@dataclasses.dataclass(frozen=True)
class _Clip:
    """The usable part of a video after detection."""

    indices: np.ndarray  # (F,) position in the source
    times: np.ndarray  # (F,) seconds
    detections: FaceDetections  # pixels of the crop at the output size
    sharpness: np.ndarray  # (F,)
    beside_others: np.ndarray  # (F,) bool: other faces are in the source picture
    crop: Crop
    frame_size: tuple[int, int]
    dropped: list[dict[str, Any]]  # source frame and reason


def capture_video(
    video: pathlib.Path,
    out: pathlib.Path,
    *,
    head: HeadModel,
    max_frames: int | None = None,
    fps: float | None = None,
    image_size: int = 512,
    attribute: str = "",
    donor: str = "",
) -> CaptureSummary:
    """Writes the dataset folder `out` of `video`, a video file or a folder of images.

    Args:
        video: what to read; rotation metadata and variable frame rates are understood.
        out: the folder to make; appears only when all is done.
        head: the head model to fit.
        max_frames: stop after so many frames.
        fps: thin the clip to at most this rate.
        image_size: side of the square pictures, pixels.
        attribute: which attribute this video contributes ("hair", …); empty for a person's own video.
        donor: whom the attribute was taken from.

    Raises:
        UserError: nothing readable, no usable face, model files missing, `out` not replaceable, disk full.
    """
    start = time.monotonic()
    if image_size < _MIN_IMAGE_SIZE:
        raise UserError(f"image_size must be at least {_MIN_IMAGE_SIZE} pixels; got {image_size}.")
    source = _Source(pathlib.Path(video), max_frames, fps)
    with DatasetWriter(out, image_size=(image_size, image_size)) as writer:
        clip = _detect(source, image_size)
        small, mattes = _write_pictures(writer, source, clip, image_size)
        fitted = fit_landmarks(head, clip.detections, clip.times, side=image_size)
        alignment = align(head, clip.detections, clip.times, small, mattes, fitted, side=image_size)
        measured = accuracy(head, clip.detections, alignment.track, side=image_size)
        angles = quality.head_angles(alignment.track.pose[:, NECK])
        _write_figures(writer, head, clip, alignment.track, angles, small, image_size)
        summary = _summarise(pathlib.Path(out), clip, alignment, measured, angles, time.monotonic() - start)
        writer.finish(
            frames=frame_params(head, clip.detections, alignment.track, side=image_size),
            betas=alignment.track.betas,
            intrinsics=alignment.track.intrinsics,
            capture={
                "source": {"name": source.video.name, "sha256": source_sha256(source.video)},
                "attribute": attribute,
                "donor": donor,
                **provenance(head),
                "crop": dataclasses.asdict(clip.crop),
                "summary": {k: v for k, v in dataclasses.asdict(summary).items() if k != "out"},
                "pose_coverage_degrees": dataclasses.asdict(quality.pose_coverage(angles)),
                "dropped": clip.dropped,
                "frames": per_frame(clip.indices, clip.times, clip.sharpness, measured),
            },
        )
    return summary


def _summarise(
    out: pathlib.Path,
    clip: _Clip,
    alignment: Alignment,
    measured: Accuracy,
    angles: np.ndarray,
    seconds: float,
) -> CaptureSummary:
    return CaptureSummary(
        out=out,
        num_frames=len(clip.indices),
        num_dropped=len(clip.dropped),
        reprojection=float(measured.reprojection.mean()),
        iris=None if measured.iris is None else float(measured.iris.mean()),
        jitter=measured.jitter,
        detector_jitter=measured.detector_jitter,
        photometric_before=alignment.residual_before,
        photometric_after=alignment.residual_after,
        focal=alignment.track.focal,
        seconds_per_frame=seconds / (len(clip.indices) + len(clip.dropped)),
        warnings=(
            *quality.company_warnings(clip.beside_others),
            *quality.clip_warnings(angles, clip.detections.score("jawOpen")),
        ),
    )


def _detect(source: _Source, image_size: int) -> _Clip:
    found, sharpness, times = [], [], []  # of the first two: every face of each picture
    with FaceDetector() as detector:
        for frame in progress.bar(source.frames(), desc="Finding the face"):
            found.append(detector.detect_all(frame.image))
            sharpness.append([quality.sharpness(frame.image, face) for face in found[-1].landmarks])
            times.append((frame.index, frame.time))
            frame_size = frame.image.shape[:2]
    followed = follow_face(found)
    sharp = np.array([faces[row] if row >= 0 else np.nan for faces, row in zip(sharpness, followed.choices.tolist())])
    reasons = np.array(quality.drop_reasons(followed.detections, sharp, frame_size))
    usable = reasons == ""
    if np.count_nonzero(usable) < _MIN_USABLE_FRAMES:
        counted = ", ".join(f"{np.count_nonzero(reasons == reason)} {reason}" for reason in sorted({*reasons} - {""}))
        raise UserError(
            f"{source.video} has {np.count_nonzero(usable)} usable frames of {len(reasons)} "
            f"({counted or 'too short'}): "
            "film one face, upright, whole and well lit, for at least ten seconds."
        )
    kept = followed.detections[usable]
    crop = head_crop(kept.landmarks, frame_size)
    indices, seconds = (np.array(column) for column in zip(*times))
    return _Clip(
        indices=indices[usable],
        times=seconds[usable],
        detections=dataclasses.replace(kept, landmarks=crop.to_crop(kept.landmarks, image_size)),
        sharpness=sharp[usable],
        beside_others=followed.others[usable],
        crop=crop,
        frame_size=frame_size,
        dropped=[{"source_frame": int(i), "reason": str(r)} for i, r in zip(indices, reasons) if r],
    )


def _write_pictures(
    writer: DatasetWriter, source: _Source, clip: _Clip, image_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Crops, mattes and part masks of every usable frame.

    Returns what alignment looks at, uint8: pictures (F, S, S, 3) and mattes (F, S, S).
    """
    small = np.empty((len(clip.indices), _ALIGN_SIDE, _ALIGN_SIDE, 3), np.uint8)
    mattes = np.empty(small.shape[:3], np.uint8)
    inside = clip.crop.apply(np.ones(clip.frame_size, np.float32), image_size, fill=0)
    row_of = {int(index): row for row, index in enumerate(clip.indices)}
    tiles, numbers = [], []
    shown = _figure_rows(len(clip.indices))
    with Segmenters() as segmenters:
        bar = progress.bar(len(clip.indices), desc="Mattes and parts")
        for frame in source.frames(told=lambda text: None):  # it was told the first time
            row = row_of.get(frame.index)
            if row is None:
                continue
            image = clip.crop.apply(frame.image, image_size, fill=255)
            coarse = np.round(255 * segmenters.person(image) * inside).astype(np.uint8)
            if clip.beside_others[row]:
                coarse = around_face(coarse, clip.detections.landmarks[row])
            matte = solve_matte(image, coarse / 255) * inside
            hair = segmenters.hair(image) * matte
            parts = part_masks(clip.detections.landmarks[row], hair)
            image, mask = estimate_foreground(image, matte), np.round(255 * matte).astype(np.uint8)
            writer.add(row + 1, image, mask, parts=parts)
            small[row], mattes[row] = (
                cv2.resize(array, (_ALIGN_SIDE, _ALIGN_SIDE), interpolation=cv2.INTER_AREA) for array in (image, mask)
            )
            if row in shown:
                tiles.append(figures.parts_overlay(image, mask, parts))
                numbers.append(row + 1)
            bar.update(1)
        bar.close()
    write_image(writer.folder / "figures" / "parts.jpg", figures.sheet(tiles, numbers), disclosure=None)
    return small, mattes


def _write_figures(
    writer: DatasetWriter,
    head: HeadModel,
    clip: _Clip,
    track: Track,
    angles: np.ndarray,
    images: np.ndarray,
    image_size: int,
) -> None:
    rows = sorted(_figure_rows(len(images)))
    shown = Track(track.frames[rows], track.shared)
    fitted = project_clip(landmark_points(head, landmark_map(head)), shown)
    vertices = project_clip(vertex_points(head, np.arange(head.num_vertices)), shown)
    detected = clip.detections.landmarks[rows, :, :2] / image_size
    tiles = [
        figures.mesh_overlay(images[row], vertices[i], np.asarray(head.faces), detected[i], fitted[i])
        for i, row in enumerate(rows)
    ]
    numbers = [row + 1 for row in rows]
    write_image(writer.folder / "figures" / "overlays.jpg", figures.sheet(tiles, numbers), disclosure=None)
    plot = figures.coverage_plot(angles, track.pose[:, JAW_OPEN])
    write_image(writer.folder / "figures" / "pose_coverage.png", plot, disclosure=None)


def _figure_rows(num_frames: int) -> set[int]:
    every = max(_FIGURE_EVERY, -(-num_frames // _MAX_FIGURE_TILES))
    return set(range(0, num_frames, every))
