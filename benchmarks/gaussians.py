"""Rigged Gaussians of one of the cast, as filmed: figures on held-out frames, and the picture `docs/gaussians.png`.

    python benchmarks/gaussians.py --workdir=runs/cast_gaussians --picture

Films the person at 256 pixels, trains with configs/gaussians_laptop.py, and prints the held-out figures as markdown,
with the stills beside them; the cast's poses are exact, so there is nothing to track anew. What is finished in the work
folder is not done again. The picture shows held-out frames beside the avatar's, and the avatar turned aside.
"""

import argparse
import dataclasses
import pathlib
import time

import jax.numpy as jnp
import numpy as np

from pegasus_jax import assets, config, media
from pegasus_jax.core.motion import Motion
from pegasus_jax.data import read_dataset
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import person
from pegasus_jax.devices import set_up_process
from pegasus_jax.evaluation.protocols.reconstruction import Reconstruction
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.flame import builtin_head, lbs
from pegasus_jax.inference import clip, load
from pegasus_jax.training import train
from pegasus_jax.training.workdir import is_finished

_ROOT = pathlib.Path(__file__).parents[1]
_PICTURE = _ROOT / "docs" / "gaussians.png"
_SIDE, _LARGE = 256, 512  # pixels of the film, and of the picture's tiles
_TURN = 12.0  # degrees


def main() -> None:
    arguments = _arguments()
    data, run = arguments.workdir / arguments.person, arguments.workdir / f"{arguments.person}_run"
    if not data.exists():
        write_clip(
            person(arguments.person),
            data,
            head=builtin_head(),
            num_frames=arguments.frames,
            image_size=(_SIDE, _SIDE),
            seed=0,
            supersample=2,
        )
    settings = config.load_config(arguments.config, overrides=arguments.set)
    if not is_finished(run):
        began = time.monotonic()
        train(settings, data=[data], workdir=run)
        print(f"training took {(time.monotonic() - began) / 60:.1f} minutes")
    print(evaluate_run(run, protocol=Reconstruction(retracked=False)).tables["pictures"].markdown())
    if arguments.picture:
        media.write_image(_PICTURE, _picture(data, run), disclosure=media.rendered("of the synthetic cast"))
        print(f"{_PICTURE} written")


def _picture(data: pathlib.Path, run: pathlib.Path) -> np.ndarray:
    """A row: two held-out frames, each as filmed and as the avatar shows it, and the avatar seen from a side."""
    avatar, dataset = load(run), read_dataset(data)
    _, held_out = dataset.split()
    rows = held_out[[len(held_out) // 4, len(held_out) // 2]]
    motion = clip.driven(avatar, data, image_size=_LARGE).frames(rows)
    drawn = list(clip.render_frames(avatar.bake(), motion))
    where = {"indices": rows, "image_size": (_LARGE, _LARGE)}
    matte = dataset.masks(**where)[..., None] / 255.0
    filmed = np.round(dataset.images(**where) * matte + 255.0 * (1.0 - matte)).astype(np.uint8)
    pairs = [picture for pair in zip(filmed, drawn) for picture in pair]
    return np.concatenate([*pairs, clip.render_still(avatar.bake(), _turned(motion, _TURN))], axis=1)


def _turned(motion: Motion, degrees: float) -> Motion:
    """The first frame, seen from a side."""
    first = motion.frames(slice(0, 1))
    turn = lbs.rodrigues(jnp.array([0.0, np.radians(degrees), 0.0]))
    T_camera_world = first.cameras.T_camera_world
    turned = jnp.concatenate([T_camera_world[..., :3] @ turn, T_camera_world[..., 3:]], axis=-1)
    return Motion(first.params, dataclasses.replace(first.cameras, T_camera_world=turned))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--person", default="ada", help="of the cast")
    parser.add_argument("--frames", type=int, default=100, help="length of the film")
    parser.add_argument("--config", default="configs/gaussians_laptop.py")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE changes the config")
    parser.add_argument("--picture", action="store_true", help="also write docs/gaussians.png")
    return parser.parse_args()


if __name__ == "__main__":
    set_up_process(assets.cache_folder())
    main()
