"""PERSE at the paper's size: 768x768, up to 130,000 Gaussians, networks of 512 units; GPUs of 48 GB, days. Not yet run.

python launch.py train --config=configs/perse.py --data='data/me,data/me__*' --workdir=runs/me --vgg_weights=...
python launch.py train --config=configs/perse.py:small --data='data/me,data/me__*' --workdir=runs/me   (two CPU cores)
python launch.py train --config=configs/perse.py:quick ...   (a minute on a CPU: to try it out)

The published run: 112 epochs of 957 part-swapped videos, the first of one video alone; here that is the person as
filmed. What an epoch was is not told: all 400 frames of each would have taken 31 steps a second; here it is 40 of each.
With fewer videos, lower `epoch`, and with it total_frames and stage_one_frames, in proportion.

Where paper and released code differ, each choice is an entry; the defaults follow the paper where it can be followed.
The released code: networks.gc="off", networks.rotation="none", networks.trunk_init="official", warm_up_pose="frozen",
schedule.init="sphere", schedule.fine_jitter_after=100, rates.codes=0, total_frames=200*epoch. rates.frames=5e-4 learns
expression and pose of the frames.

On purpose otherwise: a random background for each step, not for each frame; Adam's moments survive pruning; ellipses
are dilated in proportion to the picture's size. ":small" has networks of a quarter of the width and 8,000 Gaussians at
128x128 pixels; gradual schedules are those of the paper in a tenth of the epochs.
"""

import ml_collections

from pegasus_jax.core.latents import PERSE_CATEGORIES

VIDEOS, FRAMES, EPOCHS = 957, 40, 112
VARIANTS = ("small", "quick")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """`arg` is empty or one of "small" and "quick"."""
    if arg not in ("", *VARIANTS):
        raise ValueError(f"configs/perse.py knows no variant {arg!r}; it has {' and '.join(VARIANTS)}.")
    config = _published()
    if arg:
        _shrink(config, epoch=300 if arg == "small" else 16)
    return config.lock()


def _shrink(config: ml_collections.ConfigDict, *, epoch: int) -> None:
    config.image_size, config.batch_size = 128, 2
    config.epoch, config.stage_one_frames, config.total_frames = epoch, epoch, 14 * epoch
    config.every.log, config.every.checkpoint = epoch // 2, 7 * epoch
    config.networks.canonical_width = 128
    config.networks.deformation_width = config.networks.pose_width = 64
    config.networks.canonical_depth, config.networks.canonical_skip = 4, None
    config.networks.octaves = 6
    config.networks.max_scale = 0.0175 * 768 / 128 / 4  # a quarter as many pixels wide as the paper's
    config.schedule.period = 1
    config.schedule.targets = ((0, 5_000), (4, 8_000))  # few sizes: each is compiled
    config.rates.networks, config.rates.codes, config.rates.after, config.rates.decay = 2e-3, 2e-3, 1, 0.1
    config.flame_halvings = (2, 4, 6, 8)


def _published() -> ml_collections.ConfigDict:
    epoch = VIDEOS * FRAMES
    return ml_collections.ConfigDict(
        {
            "preset": "perse",
            "family": "perse",
            "seed": 42,
            "image_size": 768,
            "batch_size": 1,
            "test_fraction": 0.2,
            "random_background": True,
            "epoch": epoch,
            "stage_one_frames": epoch,
            "total_frames": EPOCHS * epoch,
            "expression_variance_floor": 2e-3,
            "warm_up": 1,
            "warm_up_pose": "off",
            "flame_halvings": (10, 20, 30, 40),
            "networks": {
                "categories": PERSE_CATEGORIES,
                "sources": ("cloth", "eyebrows", "hair", "mouth", "nose", "skin"),
                "gc": "learned",
                "rotation": "lbs",
                "trunk_init": "plain",
                "code_size": 32,
                "code_std": 0.05,
                "max_scale": 0.0175,
                "deformation_width": 128,
                "deformation_depth": 4,
                "canonical_width": 512,
                "canonical_depth": 9,
                "canonical_skip": 4,
                "octaves": 6,
                "pose_width": 128,
            },
            "schedule": {
                "init": "head",
                "period": 5,
                "targets": (
                    (0, 400),
                    (5, 800),
                    (10, 1_600),
                    (15, 3_200),
                    (20, 6_400),
                    (25, 10_000),
                    (30, 20_000),
                    (40, 40_000),
                    (50, 80_000),
                    (60, 130_000),
                ),
                "fine_jitter_after": None,
            },
            "weights": {"rgb": 1.0, "structural": 0.25, "perceptual": 0.1, "flame": 10.0, "latent": 0.1},
            "rates": {"networks": 1e-4, "codes": 5e-4, "frames": 0.0, "decay": 1.0, "after": 10},
            "every": {"log": epoch // 10, "checkpoint": 5 * epoch},
        }
    )
