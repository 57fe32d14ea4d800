"""Writes the table of hand-made parts from the first open head, for which it was made:

python -m tests.flame.ict.derive_table ict_head.npz ict_facekit.npz pegasus_jax/flame/ict/table.npz
"""

import sys

import numpy as np
import scipy.optimize

from . import published_numbers

_RINGS = 5  # how far along edges the smoothing of the rim reached
_MOVED = 1e-6  # metres: more than rounding


def derive(head, positions):
    """The table's arrays from the first open head and ICT's positions {name: (26719, 3)}."""
    source = head["source_vertex"]
    rim, rim_from, rim_weights = _rim(head, positions)
    return {
        "source_vertex": source.astype(np.uint16),
        "triangles": head["f"].astype(np.uint16),
        "part": head["part"].astype(np.uint8),
        "rim_vertex": rim.astype(np.uint16),
        "rim_from": rim_from.astype(np.uint16),
        "rim_weights": rim_weights.astype(np.float32),
        "joints": head["J"].astype(np.float64).round(7),
        "joint_support": np.packbits(head["J_regressor"] > 0, axis=1),
        "mask_names": np.array([name.removeprefix("mask_") for name in head if name.startswith("mask_")]),
        "masks": np.packbits([head[name] for name in head if name.startswith("mask_")], axis=1),
        "mediapipe_triangle": source[head["f"][_both(head, "face_idx")]].astype(np.uint16),
        "mediapipe_bary": _both(head, "bary").astype(np.float32),
        "mediapipe_rms": head["mediapipe_rms"].astype(np.float16),
        "mediapipe_contour": head["mediapipe_contour"],
        "mediapipe_from_canonical": head["mediapipe_from_canonical"],
    }


def _both(head, name):
    return np.concatenate([head[f"mediapipe_{name}"], head[f"iris_{name}"]])


def _rim(head, positions):
    """Which vertices were smoothed, and of which each is a mean: weights that fit neutral and identities alike."""
    raw = positions["neutral"][head["source_vertex"]]
    rim = np.flatnonzero(np.abs(raw - head["v_template"]).max(axis=1) > _MOVED)
    modes = np.stack([positions[f"identity{k:03}"] - positions["neutral"] for k in range(100)], axis=-1)
    modes, first = modes[head["source_vertex"]], head["shapedirs"][:, :, :100].astype(np.float64)
    still = np.setdiff1d(np.arange(len(raw)), rim)
    rotation = np.linalg.lstsq(modes[still].reshape(-1, 100), first[still].reshape(-1, 100), rcond=None)[0]
    given = np.concatenate([raw[:, :, None], modes @ rotation], axis=-1).reshape(len(raw), -1)
    wanted = np.concatenate([head["v_template"][:, :, None], first], axis=-1).reshape(len(raw), -1)
    near = [_ring(head["f"], vertex) for vertex in rim]
    weights = [_mean_of(given[ring], wanted[vertex]) for ring, vertex in zip(near, rim)]
    width = max(np.count_nonzero(row) for row in weights)
    rim_from, rim_weights = np.zeros((len(rim), width), int), np.zeros((len(rim), width))
    for k, (ring, row) in enumerate(zip(near, weights)):
        used = np.flatnonzero(row)
        rim_from[k, : len(used)], rim_weights[k, : len(used)] = ring[used], row[used]
    return rim, rim_from, rim_weights


def _ring(faces, vertex):
    found = np.array([vertex])
    for _ in range(_RINGS):
        found = np.unique(faces[np.isin(faces, found).any(axis=1)])
    return found


def _mean_of(given, wanted):
    """Non-negative weights (n,) with sum 1, by which rows `given` (n, k) make `wanted` (k,)."""
    rows = np.concatenate([given, np.full((len(given), 1), 10.0)], axis=1)
    weights, _ = scipy.optimize.nnls(rows.T, np.append(wanted, 10.0))
    return weights / weights.sum()


if __name__ == "__main__":
    first_head, facekit, out = sys.argv[1:]
    np.savez_compressed(out, **derive(dict(np.load(first_head)), published_numbers.positions(dict(np.load(facekit)))))
