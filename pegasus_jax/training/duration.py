"""How long a run will take, told before its first step: from real steps on real frames, timed."""

import time
from collections.abc import Callable, Sequence

import jax

_TIMED = 3  # steps


def seconds_a_step(program: Callable, state, batch, constants) -> float:
    """Returns what a compiled step takes; the first one, which opens whatever there is to open, does not count.

    `state` is given up, as by every step.
    """
    state, metrics = program(state, batch, constants)
    jax.block_until_ready(metrics)
    began = time.perf_counter()
    for _ in range(_TIMED):
        state, metrics = program(state, batch, constants)
    jax.block_until_ready((state, metrics))
    return (time.perf_counter() - began) / _TIMED


def in_words(frames: Sequence[int], seconds_a_frame: Sequence[float]) -> str:
    """Returns a sentence: so many frames of each part of a run, at what one of each takes."""
    seconds = sum(count * each for count, each in zip(frames, seconds_a_frame))
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"Training will take about {seconds / length:.2g} {unit}."
    return f"Training will take about {seconds:.0f} seconds."
