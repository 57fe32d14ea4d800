"""The demo's avatars: synthetic people at 96x96 pixels, on two CPU cores. The whole story takes a quarter of an hour.

python launch.py demo --workdir=runs/demo

Without an argument, the star: 140 frames as filmed, then 1,620 of all looks. ":donor" is an avatar that lends a part:
840 frames of one clip. Points may lie below the skin by what they show around themselves (`sink`; on a real clip that
opened pinholes at the lids, so configs/laptop.py does without). Figures: benchmarks/RESULTS.md.
"""

import pathlib

import ml_collections

from pegasus_jax.config import load_config

VARIANTS = ("quick", "donor")
_LAPTOP = pathlib.Path(__file__).with_name("laptop.py")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """`arg` is empty or some of "quick" and "donor", joined by commas; what is not said is as in configs/laptop.py."""
    chosen = arg.split(",") if arg else []
    for name in set(chosen).difference(VARIANTS):
        raise ValueError(f"configs/demo.py knows no variant {name!r}; it has {' and '.join(VARIANTS)}.")
    donor, quick = "donor" in chosen, "quick" in chosen
    variants = ["donor" if donor else "generative", *(["quick"] if quick else [])]
    config = load_config(f"{_LAPTOP}:{','.join(variants)}")
    total = {(True, True): 160, (True, False): 320, (False, True): 840, (False, False): 1_760}[quick, donor]
    with config.unlocked():
        config.preset = "demo"
        config.image_size = 96
        config.cloud.init_radius = 0.08
        config.cloud.max_points = 8_192 if donor else 10_240
        config.cloud.min_radius = 0.042
        config.cloud.radius_factor = 0.85
        config.cloud.period = total // 6
        config.total_frames = total
        config.step.weights.emphasis = 1.0
        config.step.spill_sample = 512
        config.step.flame_halvings = (total // 4, total // 2)
        config.every.log = total // 40
        config.every.checkpoint = total // 2
        config.cloud.nearest_period = total // 40
        if quick:
            config.cloud.init_points, config.cloud.hull_points, config.cloud.max_points = 1_024, 512, 3_072
        else:
            config.step.sink = 0.7  # heads are not fatter by a point's radius; points need time to settle, though
        config.cloud.least_capacity = config.cloud.max_points  # compiling takes longer than steps on a few empty slots
        if not donor:
            config.step.weights.normal = 0.0  # its swaps come without pictures of normals
            config.step.render.channels = tuple(name for name in config.step.render.channels if name != "normals")
            config.stage_one_frames = config.step.spill_after = 2 * total // 25
            config.cloud.period = total // (12 if quick else 40)  # what no frame in between shows is pruned
    return config
