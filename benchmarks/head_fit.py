"""Fits heads to the landmarks of 20 frames of each clip, and prints the errors as markdown.

    python benchmarks/head_fit.py --videos=FOLDER --heads=ict_head.npz,other.npz

Mean distance between MediaPipe's points and the head's, in % of the distance between the outer eye corners.
"""

import argparse
import dataclasses
import pathlib

import numpy as np

from pegasus_jax import assets
from pegasus_jax.capture.accuracy import accuracy
from pegasus_jax.capture.crop import head_crop
from pegasus_jax.capture.face_landmarks import FaceDetections, detect_faces
from pegasus_jax.capture.fit import fit_landmarks
from pegasus_jax.capture.video import read_frames
from pegasus_jax.devices import set_up_process
from pegasus_jax.flame import load_head

_SIDE = 512
_FRAMES = 20


def main() -> None:
    arguments = _arguments()
    heads = {path: load_head(path) for path in arguments.heads.split(",")}
    print("| clip | head | landmarks, % | irises, % | focal | betas, rms |\n|---|---|---|---|---|---|")
    for video in sorted(arguments.videos.glob("*.mp4")):
        detections, times = _observed(video)
        for path, head in heads.items():
            track = fit_landmarks(head, detections, times, side=_SIDE)
            errors = accuracy(head, detections, track, side=_SIDE)
            iris = "" if errors.iris is None else f"{errors.iris.mean():.2f}"
            betas = np.sqrt(np.mean(track.betas**2))
            figures = f"{errors.reprojection.mean():.3f} | {iris} | {track.focal:.2f} | {betas:.2f}"
            print(f"| {video.stem} | {path} | {figures} |", flush=True)


def _observed(video: pathlib.Path) -> tuple[FaceDetections, np.ndarray]:
    """Faces of frames spread evenly over the clip, in pixels of a crop, and their times."""
    count = sum(1 for _ in read_frames(video))
    chosen = set(np.linspace(0, count - 1, _FRAMES).round().astype(int).tolist())
    frames = [frame for row, frame in enumerate(read_frames(video)) if row in chosen]
    found = detect_faces(frame.image for frame in frames)
    seen = found.counts == 1
    crop = head_crop(found[seen].landmarks, frames[0].image.shape[:2])
    landmarks = crop.to_crop(found[seen].landmarks, _SIDE)
    return dataclasses.replace(found[seen], landmarks=landmarks), np.array([frame.time for frame in frames])[seen]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=pathlib.Path, required=True, help="folder with CLIP.mp4 files")
    parser.add_argument("--heads", required=True, help="head models, separated by commas")
    return parser.parse_args()


if __name__ == "__main__":
    set_up_process(assets.cache_folder())
    main()
