"""The pictures at the top of README, from a finished demo.

python launch.py demo --workdir=runs/demo
python benchmarks/demo_pictures.py --workdir=runs/demo
"""

import argparse
import pathlib

import numpy as np

from pegasus_jax import media

_OUT = pathlib.Path(__file__).parents[1] / "docs" / "demo"
_ROWS = {"its own motion": "self", "another's motion": "driven", "seen from around": "orbit"}
_COLUMNS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=pathlib.Path, required=True, help="the demo's work folder")
    workdir = parser.parse_args().workdir
    grid = []
    for name in _ROWS.values():
        frames, _ = media.read_video(workdir / f"{name}.mp4")
        chosen = np.linspace(0, len(frames) - 1, _COLUMNS).astype(int)
        grid.append([frames[row] for row in chosen])
    media.write_image(_OUT / "reposed.png", media.contact_sheet(grid, row_labels=list(_ROWS)))


if __name__ == "__main__":
    main()
