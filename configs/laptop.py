"""One head from one clip on a laptop: 2 CPU cores, about a quarter of an hour, 128x128 pixels.

python launch.py train --config=configs/laptop.py --data=data/me --workdir=runs/me
python launch.py train --config=configs/laptop.py:quick --data=data/me --workdir=runs/me   (a minute, to try it out)
python launch.py train --config=configs/laptop.py:donor --data=data/ada --workdir=runs/ada   (five minutes)
python launch.py train --config=configs/laptop.py:generative --data='data/me,data/me__*' --workdir=runs/me_generative

":generative" is for a person's own videos and those with parts of others, as `synthesize` makes them: 600 frames of the
own ones, then 5,400 of all. Its points have a generic canonical space, in which parts change their shape from look to
look, and vanish under the looks that do not wear them (`presence`); a look's code is kept from changing what is not its
part (`spill`); long hair stays in one piece (`smooth_weights`); none of it is in the papers. It has the normal loss.
":donor" is an avatar that lends a part: points where mattes show hair and clothes, and long hair in one piece. Both
have larger points, since a pinhole in a part shows on whoever wears it and looks share one cloud, and take two frames a
step instead of four: at these lengths the number of steps counts. Variants join: ":generative,quick".

What it reaches on real clips, with baselines beside it: benchmarks/RESULTS.md.
Against the paper: networks of 64 units instead of 512 with a finer encoding for the albedo, bases as residuals on the
nearest head vertex, points that start on the head, keep to their side of its skin (`leash`), are finer around eyes and
lips and show eyes and mouth where the head does (`inner`) in colours of their own (`inner_colours`), a structural term
for the VGG term (which needs weights to download), a mask whose holes count more (`holes`), a light that is white on
average (`light`), normals whose Jacobian is held constant in the backward pass, and at the end what frames show of each
point beyond the networks (`point_corrections`).
"""

import ml_collections

VARIANTS = ("quick", "donor", "generative")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """`arg` is empty or some of "quick", "donor" and "generative", joined by commas."""
    chosen = arg.split(",") if arg else []
    for name in set(chosen).difference(VARIANTS):
        raise ValueError(f"configs/laptop.py knows no variant {name!r}; it has {', '.join(VARIANTS)}.")
    lends, borrows = "donor" in chosen, "generative" in chosen
    total = 4_800 if borrows else 2_400 if lends else 12_000
    config = _own_video(total // 15 if "quick" in chosen else total)
    if lends or borrows:
        config.batch_size = 2
        config.cloud.max_points = 12_288
        config.cloud.min_radius, config.cloud.radius_factor = 0.038, 0.85
    if lends:
        config.cloud.init_points, config.cloud.hull_points = 3_072, 2_048
        config.networks.smooth_weights = True
    if borrows:
        _add_second_stage(config)
    if "quick" in chosen:
        config.step.weights.light = config.step.weights.holes = 0.0  # so short a run has to learn more urgent things
    return config.lock()


def _add_second_stage(config: ml_collections.ConfigDict) -> None:
    """An eighth of the frames of the own videos, then nine times as many of all, by which the cloud grows."""
    total = config.total_frames
    config.stage_one_frames = total // 8
    config.total_frames = 10 * total // 8
    config.cloud.period = total // 20
    config.networks.gc = "learned"
    config.networks.smooth_weights = True
    config.networks.presence = True
    config.cloud.hull_points = 1_024
    config.cloud.fills_gaps = True
    config.step.weights.normal = 0.1
    config.step.weights.spill = 0.1
    config.step.spill_after = config.stage_one_frames
    config.step.render.channels = (*config.step.render.channels, "normals")


def _own_video(total: int) -> ml_collections.ConfigDict:
    """The config for `total` frames of one person as filmed."""
    period = total // 8
    return ml_collections.ConfigDict(
        {
            "preset": "laptop",
            "seed": 0,
            "image_size": 128,
            "batch_size": 4,
            "test_fraction": 0.2,
            "random_background": True,
            "total_frames": total,
            "expression_variance_floor": 2e-3,
            "point_corrections": True,
            "networks": {
                "gc": "off",
                "head_prior": True,
                "smooth_weights": False,
                "deformation_width": 64,
                "deformation_depth": 3,
                "canonical_width": 64,
                "canonical_depth": 4,
                "canonical_skip": None,
                "octaves": 4,
                "detail_octaves": 8,
                "detail_width": 256,
                "inner_colours": True,
                "shading_width": 32,
            },
            "cloud": {
                "init": "head",
                "init_points": 2048,
                "init_radius": 0.068,
                "max_points": 15_360,
                "min_radius": 0.03,
                "radius_factor": 0.75,
                "period": period,
                "nearest_period": total // 160,
                "prune_above": 0.0,
                "hull_points": 0,
                "fills_gaps": False,
                "least_capacity": 0,
            },
            "step": {
                "weights": {
                    "structural": 0.1,
                    "flame": 10.0,
                    "emphasis": 3.0,
                    "inner": 2.0,
                    "dark": 0.003,
                    "light": 1.0,
                    "holes": 0.5,
                },
                "rates": {"networks": 2e-3, "points": 2e-3, "latents": 1e-3, "decay": 0.1},
                "flame_halvings": (total // 4, total // 2),
                "flame_sample": 512,
                "eikonal_sample": 512,
                "jacobian_gradient": False,
                "latents_after": 0,
                "render": {"channels": ("rgb", "seg_logit", "inner")},
            },
            "every": {"log": total // 80, "checkpoint": total // 8},
        }
    )
