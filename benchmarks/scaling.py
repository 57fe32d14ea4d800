"""What a training step computes, keeps and sends, and how it would scale to many devices; on paper, without them.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --configs=configs/laptop.py --looks=1

The step is compiled for eight devices that XLA pretends to have on the CPU; nothing runs. The bytes that it adds up
over the devices are read from the compiled program; its floating-point operations, the bytes that it reads and writes
and its memory are what XLA says of it (the native rasteriser's are not among them, and a program for a GPU or TPU keeps
less). Weak scaling, every device keeping its batch: a step takes

    compute + 2 (k-1)/k B/fast + 2 (m-1)/m (B/k)/slow + latencies

on n = k m devices, k of which share the fast links: a ring reduces, others exchange their parts, a ring gathers.
Compute is the roofline: operations at the peak rate or bytes at the memory's, whichever takes longer. No program
reaches it, and a slower one loses less by sending; nothing is sent while it computes. Latencies are not published: 10
microseconds for each sum and doubling of n are assumed.
"""

import argparse
import dataclasses
import math
import os
import re

DEVICES = 8
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402  the devices have to be pretended first
from examples import example  # noqa: E402

from pegasus_jax.training.parallel import DataParallel  # noqa: E402

_CONFIGS = "configs/laptop.py,configs/pegasus.py:generative"
_OTHER_SIZES = ({"points": 30_720}, {"image_size": 256}, {"batch_size": 8})
_COUNTS = (8, 64, 256, 1024)
_LATENCY = 10e-6  # seconds
_SIZES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "f32": 4, "s64": 8, "f64": 8}


@dataclasses.dataclass(frozen=True)
class Device:
    """Public figures; rates in 1/s, bandwidths in bytes/s and one direction."""

    name: str
    operations: float  # of matrix products at JAX's default precision for float32: TF32 without sparsity, bfloat16
    memory: float
    domain: int  # devices that share the fast links
    fast: float
    slow: float  # each device's share of the network between domains


# GPUs: NVIDIA's data sheets of A100 80GB, H100 and H200 (SXM), and of DGX systems, which have one InfiniBand port for
# each GPU (HDR 200 Gb/s, NDR 400 Gb/s). TPUs: cloud.google.com/tpu/docs/v5e and v5p; published bandwidths count both
# directions; between pods 6.4 Tb/s for the 256 chips of v5e, 50 Gb/s for each of v5p.
_DEVICES = (
    Device("A100", 156e12, 2.04e12, 8, 300e9, 25e9),
    Device("H100", 494.5e12, 3.35e12, 8, 450e9, 50e9),
    Device("H200", 494.5e12, 4.8e12, 8, 450e9, 50e9),
    Device("TPU v5e", 197e12, 0.82e12, 256, 200e9, 3.1e9),
    Device("TPU v5p", 459e12, 2.77e12, 6144, 600e9, 6.25e9),
)


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one step on each device."""

    operations: float
    moved: float  # bytes read and written
    sent: list[int]  # bytes of each sum over the devices
    arguments: int  # bytes that stay: state, scene and batch
    intermediates: int


def cost(program: jax.stages.Compiled) -> Cost:
    """What XLA says of a compiled step."""
    plan = program.memory_analysis()
    text = program.as_text()
    assert text is not None
    analysis = program.cost_analysis()
    counted = analysis["flops"], analysis["bytes accessed"]
    return Cost(*counted, sums(text), plan.argument_size_in_bytes, plan.temp_size_in_bytes)


def sums(text: str) -> list[int]:
    """Bytes of the results of each all-reduce in a compiled program's text."""
    found = re.findall(r"^\s*(?:ROOT )?%?[\w.-]+ = (.*?) all-reduce(?:-start)?\(", text, re.MULTILINE)
    return [sum(_bytes(kind, shape) for kind, shape in re.findall(r"(\w+)\[([\d,]*)\]", types)) for types in found]


def _bytes(kind: str, shape: str) -> int:
    return _SIZES[kind] * math.prod(int(side) for side in shape.split(",") if side)


def seconds(device: Device, found: Cost, count: int) -> tuple[float, float]:
    """Of computing and of sending, in one step on `count` devices."""
    near = min(count, device.domain)
    domains = count // near
    sent = sum(found.sent)
    inside = 2 * (near - 1) / near * sent / device.fast
    between = 2 * (domains - 1) / domains * sent / near / device.slow
    computing = max(found.operations / device.operations, found.moved / device.memory)
    return computing, inside + between + len(found.sent) * _LATENCY * math.log2(count)


def compiled(spec: str, looks: int, **sizes: int) -> tuple[str, Cost]:
    """What a config's step is for, in words, and what it costs."""
    of = example(spec, devices=DEVICES, looks=looks if "generative" in spec else 1, **sizes)
    parallel, batch = DataParallel(), of.settings.batch_size
    program = parallel.compiled(parallel.wrap(of.step), of.state, of.batch, of.scene)
    return f"{spec} | {of.state.primitives.capacity} | {of.settings.image_size}² | {batch}", cost(program)


def cost_row(words: str, found: Cost) -> str:
    """A row of the first table."""
    sent = f"{sum(found.sent) / 2**20:.2f} in {len(found.sent)}"
    cells = [f"{found.operations / 1e9:.0f}", f"{found.moved / 1e9:.1f}", sent]
    cells += [f"{size / 2**20:.0f}" for size in (found.arguments, found.intermediates)]
    return f"| {words} | {' | '.join(cells)} |"


def scaling_row(spec: str, device: Device, found: Cost) -> str:
    """A row of the second table."""
    taken = [seconds(device, found, count) for count in _COUNTS]
    cells = [f"{1e3 * sending:.2f} ms, {compute / (compute + sending):.0%}" for compute, sending in taken]
    return f"| {spec} | {device.name} | {1e3 * taken[0][0]:.1f} | {' | '.join(cells)} |"


def main() -> None:
    """Prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", default=_CONFIGS, help="comma-separated; of the first, other sizes as well")
    parser.add_argument("--looks", type=int, default=40, help="of configs that learn several")
    options = parser.parse_args()
    specs = options.configs.split(",")
    print("| step | points | pixels | frames | 1e9 operations | GB moved | MiB added up | MiB that stay | in between |")
    print("|---" * 9 + "|")
    found = {}
    for spec in specs:
        words, found[spec] = compiled(spec, options.looks)
        print(cost_row(words, found[spec]), flush=True)
    for sizes in _OTHER_SIZES:
        print(cost_row(*compiled(specs[0], options.looks, **sizes)), flush=True)
    columns = " | ".join(f"{count}: sending, efficiency" for count in _COUNTS)
    print(f"\n| step | device | compute, ms | {columns} |\n" + "|---" * (3 + len(_COUNTS)) + "|")
    for spec in specs:
        for device in _DEVICES:
            print(scaling_row(spec, device, found[spec]))


if __name__ == "__main__":
    main()
