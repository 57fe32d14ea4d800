"""Principal modes of a look's blendshape bases.

A point's pose and expression bases are 258 numbers, and as many again for each of three derivatives: 4 kB. Bases of
neighbouring points are alike, so that all of them are mixtures of a few, which principal components find. The rest is
below `TOLERANCE`, or nothing: a basis is linear in the network's features, so no more modes than features are needed.
"""

import jax.numpy as jnp
import numpy as np

from pegasus_jax.families.free_points.deformation import NUM_POSE_COLUMNS, Bases
from pegasus_jax.families.free_points.skinning import Rest

TOLERANCE = 1e-4  # root mean square over points of what is left out: head units for coefficients of unit length
_CHUNK = 16_384  # points
_STEP = 8  # modes come in multiples of it, so that a compiled program serves most looks of an avatar


def principal_modes(bases: Bases, moments: np.ndarray) -> tuple[np.ndarray, Bases]:
    """The modes of points whose features, with a last one of 1, have the second moments (D + 1, D + 1).

    Returns:
        a map (D + 1, R) from features to shares of the R modes, and the modes' own bases, which have no bias row.
    """
    rows = _rows(bases)
    strength, modes = np.linalg.eigh(rows.T @ moments @ rows)
    strength, modes = np.maximum(strength[::-1], 0.0), modes[:, ::-1]
    left_out = np.sqrt(np.append(np.cumsum(strength[::-1])[::-1], 0.0))
    needed = int(np.argmax(left_out <= TOLERANCE))
    count = min(max(_STEP, -(-needed // _STEP) * _STEP), *rows.shape)
    modes = modes[:, :count]
    return (rows @ modes).astype(np.float32), _bases(modes.T.astype(np.float32))


def feature_moments(rest: Rest, rest_by_x: Rest) -> np.ndarray:
    """Second moments (D + 1, D + 1) per point of features and their derivatives; the last feature is the bias's 1.

    In float64, some points at a time: rounded to float32, sums over many points would look like modes of their own.
    """
    values, slopes = np.asarray(rest.features), np.asarray(rest_by_x.features)  # (N, D), (3, N, D)
    count, size = values.shape
    total = np.zeros((size + 1, size + 1))
    for start in range(0, count, _CHUNK):
        part = slice(start, start + _CHUNK)
        value = np.pad(values[part].astype(np.float64), ((0, 0), (0, 1)), constant_values=1.0)
        total += value.T @ value
        slope = slopes[:, part].astype(np.float64).reshape(-1, size)
        total[:-1, :-1] += slope.T @ slope
    return total / count


def _rows(bases: Bases) -> np.ndarray:
    """(D + 1, 258) float64: pose columns, then expression columns."""
    pose, expression = np.asarray(bases.pose, np.float64), np.asarray(bases.expression, np.float64)
    return np.concatenate([pose.reshape(len(pose), -1), expression.reshape(len(expression), -1)], axis=1)


def _bases(rows: np.ndarray) -> Bases:
    pose, expression = np.split(rows, [NUM_POSE_COLUMNS], axis=1)
    return Bases(
        pose=jnp.asarray(pose.reshape(len(rows), -1, 3)), expression=jnp.asarray(expression.reshape(len(rows), 3, -1))
    )
