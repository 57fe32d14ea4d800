"""Whether the numbers of a folder can be what they claim to be.

A tracker that has lost the head writes anything, and degrees or pixels may stand where radians or shares belong. The
bounds are far from all that heads and lenses do.
"""

from collections.abc import Callable

import numpy as np

from pegasus_jax.data import checks
from pegasus_jax.data.dataset import Dataset
from pegasus_jax.errors import UserError

_MOST_COEFFICIENT = 100.0  # standard deviations of FLAME's bases; trackers end below 20
_MOST_TURN = 2 * np.pi + 0.01  # radians
_FOCALS = (0.05, 1000.0)  # sides of the picture
_MOST_OFFSET = 20.0  # of the principal point from the middle, sides of the picture
_HEAD_SIZES = (0.002, 50.0)  # of a head unit, about a face's width, in the picture: sides of it


def check_values(dataset: Dataset) -> None:
    """Looks at every frame's shape, expression, pose and camera.

    Raises:
        UserError: a value is none that a tracked head or a camera can have; the message names the frame's picture.
    """
    _check_coefficients(dataset, dataset.frame_betas, "shape")
    _check_coefficients(dataset, dataset.expression, "expression")
    turns = np.linalg.norm(dataset.pose.reshape(len(dataset), -1, 3).astype(np.float64), axis=2).max(axis=1)
    _refuse(
        dataset,
        turns > _MOST_TURN,
        lambda row: f"a rotation of its pose turns by {turns[row]:.6g}, which is no angle in radians",
    )
    _check_intrinsics(dataset)
    _check_placement(dataset)


def _check_coefficients(dataset: Dataset, values: np.ndarray, name: str) -> None:
    largest = np.abs(values).max(axis=1)
    _refuse(
        dataset,
        largest > _MOST_COEFFICIENT,
        lambda row: f"a coefficient of its {name} is {largest[row]:.6g}, where tracked heads stay far below "
        f"{_MOST_COEFFICIENT:g}",
    )


def _check_intrinsics(dataset: Dataset) -> None:
    focals = np.abs(dataset.intrinsics[:, :2])
    _refuse(
        dataset,
        ~((focals >= _FOCALS[0]) & (focals <= _FOCALS[1])).all(axis=1),
        lambda row: f"its focal length is {focals[row, 0]:.6g} times the picture's width and {focals[row, 1]:.6g} "
        "times its height, which no lens has",
    )
    offsets = np.abs(dataset.intrinsics[:, 2:] - 0.5).max(axis=1)
    _refuse(
        dataset,
        ~(offsets <= _MOST_OFFSET),
        lambda row: f"its principal point lies {offsets[row]:.6g} sides of the picture from its middle",
    )


def _check_placement(dataset: Dataset) -> None:
    _refuse(
        dataset,
        ~checks.are_rotations(dataset.world_mat[:, :, :3]),
        lambda row: "the first three columns of its world_mat are no rotation",
    )
    depths = -dataset.world_mat[:, 2, 3]
    _refuse(
        dataset,
        ~(depths > 0),
        lambda row: f"its head is {-depths[row]:.6g} head units behind the camera, which looks down its -z axis",
    )
    sizes = np.abs(dataset.intrinsics[:, 0]) / np.where(depths > 0, depths, 1.0)
    _refuse(
        dataset,
        ~((sizes >= _HEAD_SIZES[0]) & (sizes <= _HEAD_SIZES[1])),
        lambda row: f"its camera shows a face {sizes[row]:.6g} times as wide as the picture, so its distance or its "
        "focal length is in another unit",
    )


def _refuse(dataset: Dataset, wrong: np.ndarray, say: Callable[[int], str]) -> None:
    rows = np.flatnonzero(wrong).tolist()
    if rows:
        others = f" (the first of {len(rows)} such frames)" if len(rows) > 1 else ""
        raise UserError(
            f"{dataset.files[rows[0]].image}: {say(rows[0])}{others}; correct what the folder says of this frame, "
            "leave the frame out, or track the clip again."
        )
