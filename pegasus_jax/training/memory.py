"""What memory a run will take, told before its first step, and what to change where there is not that much.

The largest program is compiled for it, with as many points as the run may come to, and XLA says what that takes. On
CPUs it comes on top of what the process holds by then: code, libraries, data, and what compiling took. What the native
rasteriser takes for itself is not seen, and is little: benchmarks/splatting_memory.py.
"""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import jax

from pegasus_jax.devices import peak_resident_bytes
from pegasus_jax.errors import UserError

_CONTAINER_LIMIT = pathlib.Path("/sys/fs/cgroup/memory.max")


@dataclasses.dataclass(frozen=True)
class Work:
    """What a step's memory depends on."""

    size: str  # of the model, in words: "15360 points"
    image_size: int  # pixels
    batch_size: int  # frames on each device
    model_knob: str  # the config's entry that makes the model smaller

    def __str__(self) -> str:
        return f"{self.size} and {self.batch_size} x {self.image_size}x{self.image_size} pixels"

    @property
    def knob(self) -> str:
        """What to lower for less."""
        return "--config.batch_size" if self.batch_size > 1 else f"{self.model_knob} or --config.image_size"


@dataclasses.dataclass(frozen=True)
class Need:
    """Bytes that one process takes at its peak."""

    work: Work
    program: int  # on each device: arguments, results and intermediates
    devices: int  # of this process
    shared: bool  # whether its devices' memory is the host's
    frames: int  # of the host: decoded frames to come
    present: int  # of the host: held already
    peak: int  # of the host: the most that was held so far

    @property
    def programs(self) -> int:
        """What programs take of the host's memory."""
        return self.devices * self.program if self.shared else 0

    @property
    def host(self) -> int:
        """All that the host has to have."""
        return max(self.peak, self.present + self.frames + self.programs)


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bytes that there are."""

    host: int
    device: int | None  # of each device; None: the host's, or not known


def need(program: jax.stages.Compiled, devices: Sequence[jax.Device], *, work: Work, frames: int) -> Need:
    """What this process will take to run a step's `program` on its devices, with `frames` bytes of decoded frames."""
    plan, taken = program.memory_analysis(), 0
    if plan is not None:  # not every platform's compiler says
        results = plan.output_size_in_bytes - plan.alias_size_in_bytes  # others take the place of arguments
        taken = plan.argument_size_in_bytes + results + plan.temp_size_in_bytes
    shared = devices[0].platform == "cpu"
    return Need(work, taken, len(devices), shared, frames, present=_present(), peak=peak_resident_bytes())


def there_is(device: jax.Device) -> Limits:
    """The memory of the machine, or of the container that this is, and what JAX may use of the device's."""
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _CONTAINER_LIMIT.read_text().strip() if _CONTAINER_LIMIT.is_file() else "max"
    if limit != "max":
        host = min(host, int(limit))
    found = device.memory_stats() if device.platform != "cpu" else None
    return Limits(host, found.get("bytes_limit") if found else None)


def checked(needed: Need, limits: Limits) -> str:
    """A sentence that says what is needed and what there is.

    Raises:
        UserError: it does not fit; the sentence names what to lower.
    """
    work = needed.work
    if limits.device is not None and needed.program > limits.device:
        raise UserError(
            f"A step with {work} takes {_size(needed.program)} of memory on each device, which has "
            f"{_size(limits.device)}; lower {work.knob}."
        )
    if needed.host > limits.host:
        knob = "--cache_gib" if needed.frames > needed.programs else work.knob
        raise UserError(
            f"This run takes {_size(needed.host)} of memory ({_parts(needed)}), and this machine has "
            f"{_size(limits.host)}; lower {knob}."
        )
    if needed.shared:
        return f"Memory: {_size(needed.host)} of {_size(limits.host)} ({_parts(needed)})."
    there = f" of {_size(limits.device)}" if limits.device is not None else ""
    return (
        f"Memory: {_size(needed.program)}{there} on each device for steps with {work}; {_size(needed.host)} of "
        f"{_size(limits.host)} on the host."
    )


def _parts(needed: Need) -> str:
    on = f" on {needed.devices} devices" if needed.devices > 1 else ""
    steps = f"{_size(needed.programs)} for steps with {needed.work}{on}, " if needed.shared else ""
    return f"{steps}{_size(needed.frames)} for decoded frames, {_size(needed.present)} held already"


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _present() -> int:
    """Resident bytes of this process; the most that it has had, where the system does not tell."""
    statm = pathlib.Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.is_file() else peak_resident_bytes()
