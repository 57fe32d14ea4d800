"""Principal modes of a look's blendshape bases.

A point's pose and expression bases are 258 numbers, and as many again for each of three derivatives: 4 kB. Bases of
neighbouring points are alike, so that all of them are mixtures of a few, which principal components find. The rest is
below `TOLERANCE`, or nothing: a basis is linear in the network's features, so no more modes than features are needed.
"""

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.families.points.deformation import NUM_POSE_COLUMNS, Bases
from pegasus_jax.families.points.posing import Rest

TOLERANCE = 1e-4  # root mean square over points of what is left out: head units for coefficients of unit length
_STEP = 8  # modes come in multiples of it, so that a compiled program serves most looks of an avatar


def principal_modes(bases: Bases, moments: np.ndarray) -> tuple[np.ndarray, Bases]:
    """The modes of points whose features, with a last one of 1, have the second moments (D + 1, D + 1).

    Returns:
        a map (D + 1, R) from features to shares of the R modes, and the modes' own bases, which have no bias row.
    """
    rows = _rows(bases)
    strength, modes = np.linalg.eigh(rows.T @ moments.astype(np.float64) @ rows)
    strength, modes = np.maximum(strength[::-1], 0.0), modes[:, ::-1]
    left_out = np.sqrt(np.append(np.cumsum(strength[::-1])[::-1], 0.0))
    needed = int(np.argmax(left_out <= TOLERANCE))
    count = min(max(_STEP, -(-needed // _STEP) * _STEP), *rows.shape)
    modes = modes[:, :count]
    return (rows @ modes).astype(np.float32), _bases(modes.T.astype(np.float32))


@jax.jit
def feature_moments(rest: Rest, rest_by_x: Rest) -> jax.Array:
    """Second moments (D + 1, D + 1) per point of features and their derivatives; the last feature is the bias's 1."""
    features = jnp.concatenate([rest.features[None], rest_by_x.features])
    ones = jnp.zeros((*features.shape[:2], 1)).at[0].set(1.0)
    rows = jnp.concatenate([features, ones], axis=-1).reshape(-1, features.shape[-1] + 1)
    return jnp.matmul(rows.T, rows, precision=jax.lax.Precision.HIGHEST) / len(rest.features)


def _rows(bases: Bases) -> np.ndarray:
    """(D + 1, 258) float64: pose columns, then expression columns."""
    pose, expression = np.asarray(bases.pose, np.float64), np.asarray(bases.expression, np.float64)
    return np.concatenate([pose.reshape(len(pose), -1), expression.reshape(len(expression), -1)], axis=1)


def _bases(rows: np.ndarray) -> Bases:
    pose, expression = np.split(rows, [NUM_POSE_COLUMNS], axis=1)
    return Bases(
        pose=jnp.asarray(pose.reshape(len(rows), -1, 3)), expression=jnp.asarray(expression.reshape(len(rows), 3, -1))
    )
