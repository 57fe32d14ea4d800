"""Levenberg-Marquardt over a whole clip: per-frame and shared unknowns, temporal smoothness included exactly."""

import dataclasses
from collections.abc import Callable

import numpy as np

from pegasus_jax.capture.arrow import NormalEquations, solve
from pegasus_jax.capture.track import FRAME_SIZE, Track

_DAMPING_START, _DAMPING_DOWN, _DAMPING_UP = 1e-3, 0.3, 8.0
_MAX_DAMPING = 1e6


@dataclasses.dataclass(frozen=True)
class Linearisation:
    """One term's quadratic model at a track; unknowns of a frame come first, then the shared ones."""

    cost: np.ndarray  # (F,)
    hessian: np.ndarray  # (F, n + m, n + m); (F, n, n) without the shared unknowns
    gradient: np.ndarray  # (F, n + m) or (F, n)


Term = Callable[[Track, bool], Linearisation]  # the flag: with derivatives by the shared unknowns


@dataclasses.dataclass(frozen=True)
class SharedPrior:
    """Independent Gaussians on the shared unknowns."""

    mean: np.ndarray  # (m,)
    precision: np.ndarray  # (m,)


@dataclasses.dataclass(frozen=True)
class Stage:
    """What moves, and for how long."""

    free_frame: np.ndarray  # (n,) bool
    free_shared: np.ndarray  # (m,) bool
    iterations: int
    tolerance: float = 1e-4  # stops when the cost falls by less than this share


def minimise(
    track: Track, terms: list[Term], *, smoothness: np.ndarray, shared_prior: SharedPrior, stage: Stage
) -> Track:
    """Lowers the sum of `terms` + 1/2 sum smoothness (x[f+1] - x[f])^2 + the prior; returns the best track.

    `smoothness` (F - 1, n) holds the precision of each step from a frame to the next. Terms that do not depend on the
    shared unknowns may be used in stages that hold those still.
    """
    damping, with_shared = _DAMPING_START, bool(stage.free_shared.any())
    cost, equations = _linearise(track, terms, smoothness, shared_prior, with_shared)
    for _ in range(stage.iterations):
        free_shared = stage.free_shared if with_shared else stage.free_shared[:0]
        step_frame, step_shared = solve(equations.damped(damping, stage.free_frame, free_shared))
        trial = Track(track.frames + step_frame, track.shared + step_shared if with_shared else track.shared)
        trial_cost, trial_equations = _linearise(trial, terms, smoothness, shared_prior, with_shared)
        if trial_cost < cost:
            settled = cost - trial_cost < stage.tolerance * cost
            track, cost, equations = trial, trial_cost, trial_equations
            damping *= _DAMPING_DOWN
            if settled:
                break
        else:
            damping *= _DAMPING_UP
            if damping > _MAX_DAMPING:
                break
    return track


def _linearise(
    track: Track, terms: list[Term], smoothness: np.ndarray, prior: SharedPrior, with_shared: bool
) -> tuple[float, NormalEquations]:
    n, m = track.frames.shape[1], len(track.shared) if with_shared else 0
    parts = [term(track, with_shared) for term in terms]
    hessian, gradient = np.zeros((len(track.frames), n + m, n + m)), np.zeros((len(track.frames), n + m))
    for part in parts:
        hessian += part.hessian
        gradient += part.gradient
    step = np.diff(track.frames, axis=0)
    gradient[:-1, :n] -= smoothness * step
    gradient[1:, :n] += smoothness * step
    diagonal = np.arange(n)
    hessian[:-1, diagonal, diagonal] += smoothness
    hessian[1:, diagonal, diagonal] += smoothness
    offset = (track.shared - prior.mean)[:m]
    precision = prior.precision[:m]
    cost = sum(float(np.sum(part.cost, dtype=np.float64)) for part in parts)
    cost += 0.5 * float(np.sum(smoothness * step**2) + np.sum(precision * offset**2))
    equations = NormalEquations(
        blocks=hessian[:, :n, :n],
        border=hessian[:, :n, n:],
        corner=hessian[:, n:, n:].sum(axis=0) + np.diag(precision),
        frame_gradient=gradient[:, :n],
        shared_gradient=gradient[:, n:].sum(axis=0) + precision * offset,
        coupling=smoothness,
    )
    return cost, equations


def columns(*slices: slice | int, size: int = FRAME_SIZE) -> np.ndarray:
    """(size,) bool that is true in the given columns."""
    mask = np.zeros(size, bool)
    for chosen in slices:
        mask[chosen] = True
    return mask
