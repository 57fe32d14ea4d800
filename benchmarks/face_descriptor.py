"""Distances of dlib's face descriptor between frames of clips, within one and between two, printed as markdown.

    python benchmarks/face_descriptor.py --videos=FOLDER --pictures=FOLDER

Pictures, one person each, are compared with each other.
"""

import argparse
import itertools
import pathlib

import cv2
import numpy as np

from pegasus_jax.capture import detect_faces
from pegasus_jax.capture.video import read_frames
from pegasus_jax.evaluation import weights
from pegasus_jax.evaluation.weights import NotComputed

_FRAMES_PER_SECOND = 1
_SIDE = 512  # pixels: the longer one of pictures


def main() -> None:
    arguments = _arguments()
    descriptor = weights.dlib_descriptor()
    if isinstance(descriptor, NotComputed):
        raise SystemExit(str(descriptor))

    def described(images: np.ndarray) -> np.ndarray:
        return descriptor(images, detect_faces(images))

    people = {video.stem: described(_frames(video)) for video in sorted(arguments.videos.glob("*.mp4"))}
    print("| pictures | distances |\n|---|---|")
    for name, frames in people.items():
        _print_row(f"frames of {name}", itertools.combinations(frames, 2))
    pairs = itertools.combinations(people.values(), 2)
    _print_row("frames of two clips", itertools.chain.from_iterable(itertools.product(*pair) for pair in pairs))
    if arguments.pictures:
        single = [described(_picture(path)[None])[0] for path in sorted(arguments.pictures.glob("*.jpg"))]
        _print_row(f"{len(single)} pictures", itertools.combinations(single, 2))


def _frames(video: pathlib.Path) -> np.ndarray:
    return np.stack([frame.image for frame in read_frames(video, fps=_FRAMES_PER_SECOND)])


def _picture(path: pathlib.Path) -> np.ndarray:
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    scale = _SIDE / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _print_row(name: str, pairs) -> None:
    distances = np.array([np.linalg.norm(a - b) for a, b in pairs])
    known = distances[np.isfinite(distances)]
    print(f"| {name} | {known.min():.2f} to {known.max():.2f}, mean {known.mean():.2f} |", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=pathlib.Path, required=True, help="folder with clips, one person each")
    parser.add_argument("--pictures", type=pathlib.Path, help="folder with .jpg files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
