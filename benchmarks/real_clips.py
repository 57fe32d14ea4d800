"""Captures real clips, trains an avatar of each, and prints the held-out figures as markdown.

    python benchmarks/real_clips.py --videos=FOLDER --head=head.npz --workdir=runs/clips --clips=subject_a,subject_c

What is finished in the work folder is not done again.
"""

import argparse
import json
import pathlib
import time

import jax

from pegasus_jax import assets, config
from pegasus_jax.capture import capture_video
from pegasus_jax.devices import set_up_process
from pegasus_jax.evaluation.protocols.reconstruction import Reconstruction
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.evaluation.tables import merged
from pegasus_jax.flame import load_head
from pegasus_jax.training import train


def main() -> None:
    arguments = _arguments()
    tables = {}
    for clip in arguments.clips.split(","):
        data, run = arguments.workdir / clip, arguments.workdir / f"{clip}_run"
        if not data.exists():
            print(capture_video(arguments.videos / f"{clip}.mp4", data, head=load_head(arguments.head)))
        began = time.monotonic()
        train(
            config.load_config(arguments.config, overrides=arguments.set), data=[data], workdir=run, head=arguments.head
        )
        minutes = (time.monotonic() - began) / 60
        protocol = Reconstruction(vgg_weights=arguments.vgg_weights)
        tables[clip] = evaluate_run(run, protocol=protocol).tables["pictures"]
        _print_capture(clip, json.loads((data / "capture.json").read_text())["summary"], minutes)
    found = merged(tables, header="run").markdown()
    print(f"\n{arguments.config} {' '.join(arguments.set)} on {jax.devices()[0].device_kind}\n\n{found}")


def _print_capture(clip: str, summary: dict, minutes: float) -> None:
    numbers = ", ".join(f"{name} {value:.3g}" for name, value in summary.items() if isinstance(value, int | float))
    print(f"{clip}: {numbers}; training took {minutes:.1f} minutes")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=pathlib.Path, required=True, help="folder with CLIP.mp4 files")
    parser.add_argument("--head", type=pathlib.Path, required=True, help="head model")
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--clips", default="subject_a,subject_b,subject_c,subject_d")
    parser.add_argument("--config", default="configs/laptop.py")
    parser.add_argument("--vgg_weights", default="", help="VGG16 weights of the figures; all that are found without it")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE changes the config")
    return parser.parse_args()


if __name__ == "__main__":
    set_up_process(assets.cache_folder())
    main()
