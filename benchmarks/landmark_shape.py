"""Landmark-shape identity between the halves of clips: one person's apart from those of two, printed as markdown.

python benchmarks/landmark_shape.py --videos=FOLDER
"""

import argparse
import itertools
import pathlib

from pegasus_jax.capture import FaceDetections, detect_faces
from pegasus_jax.capture.video import read_frames
from pegasus_jax.evaluation.landmark_shape import landmark_shape_identity

_FRAMES_PER_SECOND = 5


def main() -> None:
    videos = sorted(_arguments().videos.glob("*.mp4"))
    halves = {video.stem: _halves(video) for video in videos}
    same = {name: [landmark_shape_identity(*pair)] for name, pair in halves.items()}
    different = {
        f"{a}, {b}": [landmark_shape_identity(x, y) for x, y in itertools.product(halves[a], halves[b])]
        for a, b in itertools.combinations(halves, 2)
    }
    print("| clips | landmark-shape identity of their halves |\n|---|---|")
    for name, figures in (same | different).items():
        print(f"| {name} | {', '.join(f'{figure:.3f}' for figure in sorted(figures))} |")


def _halves(video: pathlib.Path) -> tuple[FaceDetections, FaceDetections]:
    faces = detect_faces(frame.image for frame in read_frames(video, fps=_FRAMES_PER_SECOND))
    middle = len(faces.counts) // 2
    return faces[:middle], faces[middle:]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=pathlib.Path, required=True, help="folder with clips, one person each")
    return parser.parse_args()


if __name__ == "__main__":
    main()
