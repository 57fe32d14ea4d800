"""One person from one clip as rigged Gaussians on a GPU: 512x512 pixels, from 8 GiB on. Not yet run at this size.

python launch.py train --config=configs/gaussians_gpu.py --data=data/me --workdir=runs/me
python launch.py train --config=configs/gaussians_gpu.py ... --vgg_weights=vgg16.safetensors

As configs/gaussians_laptop.py, with more Gaussians and larger pictures: 256 pixels first, then 512. With VGG weights, a
perceptual term; without them, none. Short of memory, lower batch_size, then on_surface.
"""

import pathlib

import ml_collections

from pegasus_jax.config import load_config

VARIANTS = ("quick",)
_LAPTOP = pathlib.Path(__file__).with_name("gaussians_laptop.py")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """`arg` is empty or "quick"; what is not said is as in configs/gaussians_laptop.py."""
    if arg not in ("", *VARIANTS):
        raise ValueError(f"configs/gaussians_gpu.py knows no variant {arg!r}; it has {', '.join(VARIANTS)}.")
    total = 2_000 if arg == "quick" else 24_000
    config = load_config(str(_LAPTOP))
    with config.unlocked():
        config.preset = "gaussians_gpu"
        config.image_size, config.batch_size = 512, 4
        config.coarse = ({"until": total // 3, "image_size": 256, "batch_size": 8},)
        config.total_frames = total
        config.on_surface, config.on_shell = 48_000, 12_000
        config.num_bases = 20
        config.weights.perceptual = 0.05
        config.every.log, config.every.checkpoint = total // 40, total // 4
    return config
