"""One person from one clip as rigged Gaussians on a laptop: 2 CPU cores, five minutes, 256x256 pixels.

python launch.py train --config=configs/gaussians_laptop.py --data=data/me --workdir=runs/me
python launch.py train --config=configs/gaussians_laptop.py:quick --data=data/me --workdir=runs/me   (to try it out)

python launch.py train --config=configs/gaussians_laptop.py:generative --data='data/me,data/me__*' --workdir=runs/me

16,000 Gaussians on the head and up to 6,000 around it, without a network per Gaussian: `docs/method.md`. Pictures of
128 pixels first, then of 256.
"""

import ml_collections

VARIANTS = ("quick", "generative")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """`arg` is empty or some of "quick" and "generative", joined by commas."""
    chosen = arg.split(",") if arg else []
    for name in set(chosen).difference(VARIANTS):
        raise ValueError(f"configs/gaussians_laptop.py knows no variant {name!r}; it has {', '.join(VARIANTS)}.")
    config = _own_video(400 if "quick" in chosen else 5_200)
    if "generative" in chosen:
        _add_second_stage(config, 400 if "quick" in chosen else 5_600)
    return config.lock()


def _add_second_stage(config: ml_collections.ConfigDict, frames: int) -> None:
    """So many frames of all videos, after those of the own ones."""
    config.stage_one_frames = config.total_frames
    config.total_frames += frames
    config.every.checkpoint = config.total_frames // 4
    config.on_look, config.rank = 2_500, 8


def _own_video(total: int) -> ml_collections.ConfigDict:
    """The config for `total` frames of one person as filmed."""
    coarse = total // 2
    return ml_collections.ConfigDict(
        {
            "preset": "gaussians_laptop",
            "family": "gaussians",
            "seed": 0,
            "image_size": 256,
            "batch_size": 2,
            "coarse": ({"until": coarse, "image_size": 128, "batch_size": 4},),
            "test_fraction": 0.2,
            "random_background": True,
            "total_frames": total,
            "on_surface": 16_000,
            "on_shell": 6_000,
            "num_bases": 16,
            "hidden": 32,
            "bases_after": 0.06,
            "driving_noise": 0.4,
            "emphasis": 4.0,
            "weights": {
                "rgb": 0.8,
                "structural": 0.2,
                "matte": 0.1,
                "perceptual": 0.0,
                "offset": 2e-4,
                "size": 1e-2,
                "needles": 1e-2,
                "colour": 1.0,
            },
            "every": {"log": total // 40, "checkpoint": total // 4},
        }
    )
