"""The paper's scale: 512x512, 174,000 points, networks of 512 units; one large GPU, hours per clip.

python launch.py train --config=configs/pegasus.py --data=data/me --workdir=runs/me --vgg_weights=vgg16.safetensors
python launch.py train --config=configs/pegasus.py:generative --data='data/me,data/me__*' --workdir=runs/me_generative
python launch.py train --config=configs/pegasus.py:quick ...   the same code at toy size, under a minute on a CPU

The published single-video run ("DB avatar"): 64 epochs of 2,000 frames, upsampling every 5 epochs, FLAME weight
halved at epochs 10, 20, 30 and 40 (spec sections 6-8). Differences, on purpose: the gc branch learns, the learning rate
really decays, and Adam's moments survive pruning and upsampling.

":generative" is the published two-stage run: 10 epochs of 850 frames of the target's own video, then 90 of 850 frames
of every video, sized for the published 39 part-swapped ones; with fewer, lower total_frames and flame_halvings in
proportion. Upsampling every 2 epochs, so in stage 2 in proportion to the number of videos. Frames stay in memory,
2.4 MB each. Differences, on purpose: the own video stays in stage 2, and so do the codes that stage 1 learned, from its
first frame on. Variants join: ":generative,quick".
"""

import ml_collections

EPOCH = 2_000  # frames of the run on one video
STAGE_EPOCH = 850  # frames of each video in the two-stage run
VIDEOS = 40  # in stage 2, the own one included
STAGE_ONE_EPOCHS, EPOCHS = 10, 100
VARIANTS = ("quick", "generative")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """`arg` is empty or some of "quick" and "generative", joined by commas."""
    chosen = arg.split(",") if arg else []
    for name in set(chosen).difference(VARIANTS):
        raise ValueError(f"configs/pegasus.py knows no variant {name!r}; it has {' and '.join(VARIANTS)}.")
    quick = "quick" in chosen
    config = _own_video(quick=quick)
    if "generative" in chosen:
        _add_second_stage(config, quick=quick)
    return config.lock()


def _add_second_stage(config: ml_collections.ConfigDict, *, quick: bool) -> None:
    epoch, epochs, videos = (4, 13, 2) if quick else (STAGE_EPOCH, EPOCHS, VIDEOS)
    first = STAGE_ONE_EPOCHS * epoch
    config.stage_one_frames = first
    config.cloud.period = 2 * epoch
    config.total_frames = first + (epochs - STAGE_ONE_EPOCHS) * videos * epoch
    config.step.flame_halvings = tuple(first + 10 * times * videos * epoch for times in range(4))
    config.step.latents_after = 0
    config.step.weights.normal = 0.1
    config.step.render.channels = (*config.step.render.channels, "normals")
    config.every.log = 2 * epoch
    config.every.checkpoint = (10 if quick else 20) * epoch


def _own_video(*, quick: bool) -> ml_collections.ConfigDict:
    """The published run on one video."""
    epoch = 4 if quick else EPOCH
    return ml_collections.ConfigDict(
        {
            "preset": "pegasus",
            "seed": 42,
            "image_size": 48 if quick else 512,
            "batch_size": 1,
            "test_fraction": 0.2,
            "random_background": False,
            "total_frames": 12 * epoch if quick else 64 * epoch,
            "expression_variance_floor": 1e-8,
            "networks": {
                "gc": "learned",
                "head_prior": False,
                "smooth_weights": False,
                "inner_colours": False,
                "deformation_width": 16 if quick else 128,
                "deformation_depth": 4,
                "canonical_width": 416 if quick else 512,
                "canonical_depth": 9,
                "canonical_skip": 4,
                "octaves": 6,
                "shading_width": 16 if quick else 512,
            },
            "cloud": {
                "init": "sphere",
                "init_points": 400,
                "init_radius": 0.16875,
                "max_points": 1_600 if quick else 174_000,
                "min_radius": 0.005,
                "radius_factor": 0.75,
                "period": 5 * epoch,
                "nearest_period": 4 if quick else 250,
                "prune_above": 0.006,
            },
            "step": {
                "weights": {"perceptual": 0.1, "flame": 10.0, "seg": 0.1},
                "rates": {"networks": 1e-4, "points": 1e-4, "latents": 5e-4, "decay": 0.1},
                "flame_halvings": (10 * epoch, 20 * epoch, 30 * epoch, 40 * epoch),
                "flame_sample": 0,
                "eikonal_sample": 0,
                "jacobian_gradient": True,
                "latents_after": 10 * epoch,
                "render": {"channels": ("rgb", "seg_logit"), "max_points_per_pixel": 10},
            },
            "every": {"log": epoch, "checkpoint": 5 * epoch},
        }
    )
