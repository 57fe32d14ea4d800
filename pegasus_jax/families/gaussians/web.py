"""A look as the few megabytes that a web page poses and draws it from.

Of `portable_arrays` the motion is most: its share of the head's bases for every Gaussian, its place and two tangents.
A page gets the bases at the corners of triangles instead, and each Gaussian's place in its triangle: the same numbers,
since both are linear. Large arrays are 16-bit integers, what the bases learned 8-bit ones. `docs/share.md` has the
table, `web/src/rig.ts` the other side.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from pegasus_jax.families.gaussians.baked import GaussianLook
from pegasus_jax.families.gaussians.portable import DRIVING, MIXER, portable_arrays, rebuilt
from pegasus_jax.families.gaussians.rig import directions, frames
from pegasus_jax.families.quantised import Quantised, quantise

WebArrays = dict[str, np.ndarray | Quantised]

_AS_THEY_ARE = ("pose_features", "joints", "joint_motion", "training_side", *DRIVING, *MIXER)
_IN_16_BITS = ("rest", "offset", "quaternion", "colour")
_FLAT_IN_16_BITS = ("opacity", "depth_bias")
_BASES = ("basis_offset", "basis_rotation", "basis_colour")


def web_arrays(look: GaussianLook) -> WebArrays:
    """Returns what a page needs of a look, by name: of N Gaussians, M of which move with U corners of triangles."""
    full = portable_arrays(look)
    arrays: WebArrays = {name: full[name] for name in _AS_THEY_ARE}
    arrays |= {name: quantise(full[name], np.int16) for name in _IN_16_BITS}
    arrays |= {name: quantise(full[name][None], np.int16) for name in _FLAT_IN_16_BITS}
    arrays["joint_weights"] = quantise(full["lbs_weights"][1:], np.int16)  # the ghost bone has the rest: they sum to 1
    arrays["log_scale"] = quantise(np.log(full["scale"]), np.int16)
    arrays |= {name: quantise(full[name].reshape(-1, look.rig.num_gaussians), np.int8) for name in _BASES}  # (3 K, N)
    return arrays | _corners(look, moving=full["motion"].shape[2])


def drawn_from(look: GaussianLook, arrays: WebArrays) -> GaussianLook:
    """Returns the look that a page draws: the same with all numbers as `web_arrays` has rounded them."""
    params, rig = rebuilt(_portable(arrays))
    return dataclasses.replace(look, params=params, rig=rig)


def _corners(look: GaussianLook, *, moving: int) -> WebArrays:
    """How corners move, (D, 3, U), and where the first M Gaussians are between three of them."""
    binding = look.binding
    of_triangles = np.asarray(look.head.faces)[np.asarray(binding.faces_idx)[:moving]]
    used, corners = np.unique(of_triangles, return_inverse=True)
    moved = directions(look.head)[:, used]  # (D, U, 3)
    _, _, coordinates = frames(look.head, np.asarray(look.shape_betas), binding)
    return {
        "corner_motion": quantise(np.moveaxis(moved, 2, 1).reshape(len(moved), -1), np.int16),
        "corners": corners.reshape(of_triangles.shape).T.astype(np.uint16),  # (3, M)
        "bary": quantise(np.asarray(binding.bary)[:moving].T, np.int16),
        # tangents = coordinates @ edges; the upper right one of a triangular matrix is 0.
        "coordinates": coordinates[:moving].reshape(-1, 4)[:, [0, 2, 3]].T.astype(np.float32),
    }


def _portable(arrays: WebArrays) -> dict[str, np.ndarray]:
    """The inverse of `web_arrays`, but for rounding."""
    numbers = {name: array.restored if isinstance(array, Quantised) else array for name, array in arrays.items()}
    count, of_joints = numbers["rest"].shape[1], numbers["joint_weights"]
    of_ghost = 1.0 - of_joints.sum(axis=0, keepdims=True)
    return (
        {name: numbers[name] for name in (*_AS_THEY_ARE, *_IN_16_BITS)}
        | {name: numbers[name][0] for name in _FLAT_IN_16_BITS}
        | {name: numbers[name].reshape(-1, 3, count) for name in _BASES}
        | {"lbs_weights": np.concatenate([of_ghost, of_joints]), "motion": _motion(numbers)}
        | {"scale": np.exp(numbers["log_scale"])}
    )


def _motion(numbers: Mapping[str, np.ndarray]) -> np.ndarray:
    """(D, 9, M) of places and two tangents."""
    count = len(numbers["corner_motion"])
    a, b, c = np.moveaxis(numbers["corner_motion"].reshape(count, 3, -1)[:, :, numbers["corners"]], 2, 0)
    first, second = b - a, c - a
    along, across, up = numbers["coordinates"]
    weights = numbers["bary"]
    place = weights[0] * a + weights[1] * b + weights[2] * c
    return np.concatenate([place, along * first, across * first + up * second], axis=1).astype(np.float32)
