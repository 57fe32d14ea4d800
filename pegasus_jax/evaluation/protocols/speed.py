"""How fast a run trained and its avatar renders, and what memory that takes. Spec section 14.1 gives no such figures.

They are of this machine and moment: the only figures here that differ from call to call.
"""

import dataclasses
import pathlib
import statistics
import time
from collections.abc import Callable

import jax

from pegasus_jax.core.render import RenderOptions
from pegasus_jax.devices import peak_resident_bytes
from pegasus_jax.evaluation.protocols.protocol import check_counts
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table
from pegasus_jax.evaluation.weights import NotComputed
from pegasus_jax.inference.run_record import METRICS, read_journal

_OPTIONS = RenderOptions(channels=("rgb",))
_ABOUT = (
    "The person as filmed. Steps per second: as training logged them, median. Frames per second: single frames of a "
    "baked look, median. Peak memory: of this measurement, not of training; of the device if it counts, else of this "
    "process."
)


@dataclasses.dataclass(frozen=True)
class Speed:
    """Settings."""

    repeats: int = 20  # timed calls, after one that compiles
    image_size: int = 256  # pixels: side of the rendered pictures

    def __post_init__(self):
        check_counts(self, "repeats", "image_size")

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Speed: one row."""
        drive = subject.drive(subject.driver, subject.rows(subject.driver, count=1), image_size=self.image_size)
        frame = drive.frames(0)
        baked = subject.as_filmed()
        rendering = self._median(lambda: baked.render(frame.params, frame.cameras, options=_OPTIONS))
        figures = {
            "image_size": self.image_size,
            "train_steps_per_second": _trained_at(subject.run),
            "bake_seconds": self._median(subject.as_filmed),
            "frames_per_second": 1.0 / rendering,
            "peak_memory_mib": _peak_bytes() / 2**20,
        }
        return {"speed": Table(_ABOUT, ("device",), (Row((jax.local_devices()[0].device_kind,), figures),))}

    def _median(self, work: Callable[[], object]) -> float:
        """Seconds of a call."""
        jax.block_until_ready(work())
        taken = []
        for _ in range(self.repeats):
            began = time.perf_counter()
            jax.block_until_ready(work())
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)


def _trained_at(run: pathlib.Path | None) -> Figure:
    """Median of the steps per second that a run logged."""
    if run is None or not (run / METRICS).is_file():
        return NotComputed(f"a training run's work folder with {METRICS}")
    logged = [line.get("steps_per_second") for line in read_journal(run)[0]]
    rates = [rate for rate in logged if isinstance(rate, float)]
    return statistics.median(rates) if rates else NotComputed(f"a stretch of training in {METRICS}")


def _peak_bytes() -> int:
    stats = jax.local_devices()[0].memory_stats()
    if stats and "peak_bytes_in_use" in stats:
        return stats["peak_bytes_in_use"]
    return peak_resident_bytes()
