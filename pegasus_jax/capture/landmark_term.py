"""The landmark part of the fit: reprojection residuals and priors on a frame's unknowns, linearised frame by frame."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.minimise import Linearisation, Term
from pegasus_jax.capture.observations import LandmarkMap, Observations
from pegasus_jax.capture.posing import PointModel, point_model, project_with_jacobian
from pegasus_jax.capture.posing import points as posed_points
from pegasus_jax.capture.track import Track, project
from pegasus_jax.flame.model import HeadModel

_FRAMES_AT_ONCE = 2  # Jacobians of more frames than this no longer fit the processor's cache


@dataclasses.dataclass(frozen=True)
class LandmarkWeights:
    """Standard deviations of the residuals; lengths in outer-eye-corner distances, angles in radians.

    The landmark deviation is larger than the real scatter (about 0.7 %): errors of neighbouring points are alike, so
    hundreds of points count as a few dozen independent ones.
    """

    landmark: float = 0.015
    iris: float = 0.02
    gap: float = 0.005  # across an eye or the mouth; both points err alike, so their distance is known better
    robust: float = 3.0  # residuals beyond this many deviations lose influence (Cauchy)
    expression: float = 0.35
    out_of_range: float = 0.03  # named expressions below 0 or above 1
    jaw_open: float = 0.15
    jaw_other: float = 0.03
    jaw_open_angle: float = 0.44  # jaw angle at jawOpen = 1, as in ICT-FaceKit
    eyes: float = 0.3
    eyes_roll: float = 0.02
    eyes_vergence: float = 0.05
    score_gain: float = 0.7  # MediaPipe's scores run higher than the coefficients that reproduce its points


def landmark_term(head: HeadModel, points: LandmarkMap, observed: Observations, weights: LandmarkWeights) -> Term:
    """A term for `minimise`, with a quadratic model in all unknowns, shared ones included."""
    return landmark_terms(head, points, weights)(observed)


def landmark_terms(head: HeadModel, points: LandmarkMap, weights: LandmarkWeights) -> Callable[[Observations], Term]:
    """`landmark_term` for one head and many observations: what depends on the head alone is made once."""
    model = landmark_points(head, points)
    trust = jnp.asarray(points.weights, jnp.float32)
    pairs = jnp.asarray(points.pairs)
    named = jnp.full(1, float(bool(head.expression_names)), jnp.float32)

    def of(observed: Observations) -> Term:
        seen = jax.tree.map(jnp.asarray, observed)

        def term(track: Track, with_shared: bool) -> Linearisation:
            rows, shared = jnp.asarray(track.frames, jnp.float32), jnp.asarray(track.shared, jnp.float32)
            normal = _linearise(rows, shared, seen, model, trust, pairs, named, weights, with_shared)
            return Linearisation(*map(np.asarray, normal))

        return term

    return of


def landmark_points(head: HeadModel, points: LandmarkMap) -> PointModel:
    """The head's L landmarks, followed by its 10 iris points where it has them."""
    embeddings = [points.embedding] + ([points.iris] if points.iris is not None else [])
    faces_idx = np.concatenate([embedding.faces_idx for embedding in embeddings])
    bary = np.concatenate([embedding.bary for embedding in embeddings])
    return point_model(head, np.asarray(head.faces)[faces_idx], bary)


def project_clip(model: PointModel, track: Track) -> np.ndarray:
    """The model's points in every frame (F, P, 2), crop sides."""
    rows, shared = jnp.asarray(track.frames, jnp.float32), jnp.asarray(track.shared, jnp.float32)
    return np.asarray(_project_clip(model, rows, shared))


@jax.jit
def _project_clip(model, rows, shared):
    def frame(row):
        return project(posed_points(model, row, shared), row, shared)

    return jax.lax.map(frame, rows, batch_size=_FRAMES_AT_ONCE)


def _prior_residuals(row, observed, named, w: LandmarkWeights):
    """Whitened residuals (R,) of everything but picture positions, for one frame."""
    jaw, eyes, expression = row[columns.JAW], row[columns.EYES], row[columns.EXPRESSION]
    expected = named * w.score_gain * observed.scores
    return jnp.concatenate(
        [
            (expression - expected) / w.expression,
            named * jnp.minimum(expression, 0.0) / w.out_of_range,
            named * jnp.maximum(expression - 1.0, 0.0) / w.out_of_range,
            (jaw[:1] - w.jaw_open_angle * observed.jaw_open[None]) / w.jaw_open,
            jaw[1:] / w.jaw_other,
            eyes / jnp.array([w.eyes, w.eyes, w.eyes_roll] * 2),
            (eyes[:2] - eyes[3:5]) / w.eyes_vergence,
        ]
    )


@functools.partial(jax.jit, static_argnames=("weights", "with_shared"))
def _linearise(rows, shared, observed, model, trust, pairs, named, weights: LandmarkWeights, with_shared: bool):
    num = trust.shape[0]

    def frame(args):
        row, seen = args
        picture, jacobian = project_with_jacobian(model, row, shared, with_shared=with_shared)
        targets = jnp.concatenate([seen.landmarks, seen.iris])[: picture.shape[0]]
        landmark_trust = trust / (weights.landmark * seen.scale) ** 2
        iris_trust = jnp.full(picture.shape[0] - num, 1.0) / (weights.iris * seen.scale) ** 2
        gap_trust = jnp.full(pairs.shape[0], 1.0) / (weights.gap * seen.scale) ** 2
        upper, lower = pairs.T
        cost, hessian, gradient = robust_normal_equations(
            jnp.concatenate([picture - targets, picture[upper] - picture[lower] - (targets[upper] - targets[lower])]),
            jnp.concatenate([jacobian, jacobian[upper] - jacobian[lower]]),
            jnp.concatenate([landmark_trust, iris_trust, gap_trust]),
            weights.robust,
        )
        prior = functools.partial(_prior_residuals, observed=seen, named=named, w=weights)
        residuals, prior_jacobian = prior(row), jax.jacfwd(prior)(row)
        n = row.shape[0]
        hessian = hessian.at[:n, :n].add(prior_jacobian.T @ prior_jacobian)
        gradient = gradient.at[:n].add(prior_jacobian.T @ residuals)
        return cost + 0.5 * jnp.sum(residuals**2), hessian, gradient

    return jax.lax.map(frame, (rows, observed), batch_size=_FRAMES_AT_ONCE)


def robust_normal_equations(residuals, jacobian, precision, robust: float):
    """Cost, J'WJ (n, n) and J'Wr (n,) of vector residuals (P, D) with `precision` (P,), jacobian (P, D, n).

    Cauchy's loss of the whitened length, beyond `robust` deviations; Gauss-Newton with its weights held (IRLS).
    """
    squared = precision * jnp.sum(residuals**2, axis=1) / robust**2
    cost = 0.5 * robust**2 * jnp.sum(jnp.log1p(squared))
    root = jnp.sqrt(precision / (1 + squared))
    whitened = (root[:, None] * residuals).ravel()
    flat = (root[:, None, None] * jacobian).reshape(whitened.shape[0], -1)
    return cost, flat.T @ flat, flat.T @ whitened
