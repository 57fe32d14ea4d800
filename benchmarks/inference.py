"""Times drawing frames of an avatar: baked against networks, one by one against clips, side by side in one run.

    python benchmarks/inference.py --repeats=5

Avatars are untrained networks on points of the built-in head: what is timed does not depend on what was learned.
"whole" evaluates everything for every frame, as training does; "canonical" evaluates the canonical networks once;
"baked" has no networks left.
"""

import argparse
import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from splatting import milliseconds

from pegasus_jax.core.avatar import BakedLook
from pegasus_jax.core.render import RenderOptions
from pegasus_jax.families.description import AvatarDescription
from pegasus_jax.families.free_points.head_space import ANY_PART, head_space
from pegasus_jax.families.points.avatar import TrainedPointAvatar
from pegasus_jax.families.points.networks import AvatarNetworks, NetworkConfig
from pegasus_jax.flame import builtin_head
from pegasus_jax.inference import clip

LAPTOP = NetworkConfig(
    head_prior=True,
    deformation_width=64,
    deformation_depth=3,
    canonical_width=64,
    canonical_depth=4,
    canonical_skip=None,
    octaves=4,
    detail_octaves=8,
    shading_width=32,
)
PAPER = NetworkConfig()
NETWORKS = {"laptop": LAPTOP, "paper": PAPER}
OPTIONS = RenderOptions(channels=("rgb",))
CLIP = 8  # frames of a clip that is drawn at once


class Job(NamedTuple):
    networks: str
    points: int
    size: int
    radius: float  # NDC
    unbaked: bool  # whether to time the ways with networks, too


JOBS = (
    Job("laptop", 15_000, 256, 0.029, True),
    Job("laptop", 50_000, 256, 0.012, False),
    Job("laptop", 174_000, 512, 0.0053, False),
    Job("paper", 15_000, 256, 0.029, True),
)


def untrained(job: Job) -> TrainedPointAvatar:
    """Random networks, bases too, on random points of the built-in head's surface."""
    config, head = NETWORKS[job.networks], builtin_head()
    description = AvatarDescription.of_run(
        family="points",
        model={"networks": dataclasses.asdict(config)},
        head=head,
        head_path=None,
        betas=np.zeros(100),
        canonical_expression=np.zeros(50),
        looks=("me",),
        image_size=job.size,
    )
    rng = np.random.default_rng(0)
    corners = np.asarray(head_space(head, jnp.zeros(50)).vertices_fc)[
        head.faces[rng.integers(len(head.faces), size=job.points)]
    ]
    points = np.einsum("nc,ncd->nd", rng.dirichlet([1.0, 1.0, 1.0], size=job.points), corners)
    networks = AvatarNetworks(config, rngs=nnx.Rngs(0))
    basis = networks.deformation.basis
    basis.weight[...] = 1e-3 * jax.random.normal(jax.random.key(0), basis.weight.shape)
    part = jnp.full(job.points, ANY_PART, jnp.int32)
    return TrainedPointAvatar(description, networks, jnp.asarray(points, jnp.float32), part, jnp.float32(job.radius))


def ways(job: Job) -> dict[str, Callable[[], object]]:
    """Each way to draw, as a call that draws `CLIP` frames."""
    avatar = untrained(job)
    motion = clip.resting(avatar, image_size=job.size).frames(np.arange(CLIP))
    motion.params.pose[:, 6] = np.linspace(0.0, 0.3, CLIP)
    singles = [motion.frames(index) for index in range(CLIP)]

    def one_by_one(baked: Callable[[], BakedLook]) -> Callable[[], object]:
        return lambda: [baked().render(m.params, m.cameras, options=OPTIONS).image for m in singles]

    baked = avatar.bake()
    calls = {
        "baked": one_by_one(lambda: baked),
        "baked, as a clip": lambda: baked.render(motion.params, motion.cameras, options=OPTIONS).image,
    }
    if job.unbaked:
        canonical = avatar.canonical()
        calls |= {"canonical": one_by_one(lambda: canonical), "whole": one_by_one(avatar.canonical)}
    return calls


def main() -> None:
    """Prints the table; ratios are to "baked"."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=len(JOBS), help="only this many of them")
    options = parser.parse_args()
    print(f"jax {jax.__version__} on {jax.devices()[0].device_kind}; fastest of {options.repeats}, {CLIP} frames each")
    print("| networks | points | pixels | drawn | ms a frame | frames/s | ratio |\n|---|---|---|---|---|---|---|")
    for job in JOBS[: options.jobs]:
        unit = None
        for name, call in ways(job).items():
            taken = milliseconds(call, options.repeats) / CLIP
            unit = unit or taken
            cells = (
                job.networks,
                job.points,
                f"{job.size}²",
                name,
                f"{taken:.1f}",
                f"{1e3 / taken:.1f}",
                f"{taken / unit:.2f}",
            )
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
