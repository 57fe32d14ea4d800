"""The demo's avatar: one synthetic person at 96x96 pixels, two CPU cores, about six minutes.

python launch.py demo --workdir=runs/demo

Held-out foreground PSNR of 24 dB or more, and 3 dB or more above the nearest training frame; see benchmarks/RESULTS.md.
"""

import pathlib

import ml_collections

from pegasus_jax.config import load_config

_LAPTOP = pathlib.Path(__file__).with_name("laptop.py")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """`arg` is empty or "quick"; everything that is not said here is as in configs/laptop.py."""
    config = load_config(f"{_LAPTOP}:{arg}" if arg else str(_LAPTOP))
    total = config.step.total_frames if arg == "quick" else 6_000
    with config.unlocked():
        config.preset = "demo"
        config.image_size = 96
        config.cloud.init_radius = 0.08
        config.cloud.max_points = 12_288
        config.cloud.min_radius = 0.035
        config.cloud.period = total // 6
        config.step.total_frames = total
        config.step.weights.emphasis = 1.0
        config.step.flame_halvings = (total // 4, total // 2)
        config.every.log = total // 40
        config.every.checkpoint = total // 4
        config.every.nearest = total // 40
    return config
