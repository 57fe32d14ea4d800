"""One person from one clip as rigged Gaussians on a GPU: 512x512 pixels, minutes; from 8 GiB of its memory on.

python launch.py train --config=configs/gaussians_gpu.py --data=data/me --workdir=runs/me
python launch.py train --config=configs/gaussians_gpu.py ... --vgg_weights=vgg16.safetensors

As configs/gaussians_laptop.py, with more Gaussians and larger pictures: 256 pixels first, then 512. With VGG weights, a
perceptual term; without them, none. Short of memory, lower batch_size, then on_surface.
"""

import ml_collections

VARIANTS = ("quick",)


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """`arg` is empty or "quick"."""
    if arg not in ("", *VARIANTS):
        raise ValueError(f"configs/gaussians_gpu.py knows no variant {arg!r}; it has {', '.join(VARIANTS)}.")
    total = 2_000 if arg == "quick" else 24_000
    coarse = total // 3
    return ml_collections.ConfigDict(
        {
            "preset": "gaussians_gpu",
            "family": "gaussians",
            "seed": 0,
            "image_size": 512,
            "batch_size": 4,
            "coarse": ({"until": coarse, "image_size": 256, "batch_size": 8},),
            "test_fraction": 0.2,
            "random_background": True,
            "total_frames": total,
            "on_surface": 48_000,
            "on_shell": 12_000,
            "num_bases": 20,
            "hidden": 32,
            "bases_after": 0.06,
            "driving_noise": 0.4,
            "emphasis": 4.0,
            "weights": {
                "rgb": 0.8,
                "structural": 0.2,
                "matte": 0.1,
                "perceptual": 0.05,
                "offset": 2e-4,
                "size": 1e-2,
                "needles": 1e-2,
                "colour": 1.0,
            },
            "every": {"log": total // 40, "checkpoint": total // 4},
        }
    ).lock()
