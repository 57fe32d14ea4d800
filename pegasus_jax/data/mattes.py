"""What stands for the person in the mattes of a folder, and whether they are mattes of a person at all.

Judged by some frames. Others write 0 and 1 for 0 and 255, the colours of a palette, or 8-bit values into 16 bits: that
can be told, and is made good. A run on mattes that are none would end with an empty avatar.
"""

import dataclasses

import cv2
import jax.numpy as jnp
import numpy as np

from pegasus_jax.data.dataset import Dataset
from pegasus_jax.errors import UserError

_LOOKED_INTO = 8  # frames
_WHITE, _WHITE_16 = 255, 65535
_HALF = 127
_LEAST_SHARE = 0.001  # of pixels that are the person's, and of those that are not
_GREYS = (32, 223)  # neither person nor background
_MOST_GREY = 0.4  # of the pixels; soft hair stays below a tenth
_LEAST_SOLID = 0.5  # of the person's pixels that have only such neighbours, or are one themselves
_HEAD_RADIUS = 0.15  # head units around a head's middle: well inside any head
_LEAST_IN_HEAD = 0.25


def with_matte_scale(dataset: Dataset) -> Dataset:
    """The dataset, told which value its mattes have where the person is, if that is not the largest there is."""
    stored = [dataset.files[row].matte.stored() for row in _rows(dataset)]
    white = _white(stored)
    if white is None:
        return dataset
    natural = _WHITE_16 if any(matte.dtype == np.uint16 for matte in stored) else _WHITE
    note = (
        f"{dataset.folder}: its mattes end at {white}, not at {natural}; {white} is taken to be the person, 0 the "
        "background."
    )
    return dataclasses.replace(dataset, matte_white=white, notes=(*dataset.notes, note))


def check_mattes(dataset: Dataset) -> None:
    """Looks at some frames.

    Raises:
        UserError: their mattes are black, white, pictures, noise, or leave the head out.
    """
    rows = _rows(dataset)
    mattes = [dataset.masks(indices=[row])[0] for row in rows]
    solid = [(matte > _HALF).astype(np.uint8) for matte in mattes]
    share = float(np.mean([person.mean() for person in solid]))
    grey = float(np.mean([((matte >= _GREYS[0]) & (matte <= _GREYS[1])).mean() for matte in mattes]))
    if grey > _MOST_GREY:
        fault = f"{grey:.0%} of their pixels are neither dark nor bright, so they are pictures or noise"
    elif share < _LEAST_SHARE:
        fault = f"they are black, with no value above {max(int(matte.max()) for matte in mattes)}"
    elif share > 1 - _LEAST_SHARE:
        fault = "they are white all over"
    elif _solidity(solid) < _LEAST_SOLID:
        fault = "what is white in them are scattered dots"
    elif _share_in_head(dataset, rows, mattes) < _LEAST_IN_HEAD:
        fault = "they are black where the tracked head is"
    else:
        return
    raise UserError(
        f"{dataset.files[rows[0]].matte.path}: the mattes of this frame and {len(rows) - 1} others of the clip are "
        f"none of a person: {fault}; give pictures that are white where the person is and black elsewhere."
    )


def _rows(dataset: Dataset) -> list[int]:
    return np.unique(np.linspace(0, len(dataset) - 1, _LOOKED_INTO).astype(int)).tolist()


def _white(stored: list[np.ndarray]) -> int | None:
    """The value of the person; None where it is the largest of the files' type, or cannot be told."""
    top = max(int(matte.max()) for matte in stored)
    has_16_bits = any(matte.dtype == np.uint16 for matte in stored)
    natural = _WHITE_16 if has_16_bits and top > _WHITE else _WHITE
    values = np.unique(np.concatenate([np.unique(matte) for matte in stored]))
    if len(values) == 2 and values[0] == 0 and top < natural:
        return top
    return _WHITE if has_16_bits and 0 < top <= _WHITE else None


def _solidity(solid: list[np.ndarray]) -> float:
    """How much of the masks (uint8, 0 or 1) is left where blocks of 3 x 3 are asked for."""
    blocks = np.ones((3, 3), np.uint8)
    left = sum(int(cv2.morphologyEx(person, cv2.MORPH_OPEN, blocks).sum()) for person in solid)
    return left / sum(int(person.sum()) for person in solid)


def _share_in_head(dataset: Dataset, rows: list[int], mattes: list[np.ndarray]) -> float:
    """How white mattes are around the middle of the tracked head; 1 where no frame shows it."""
    found = []
    for row, matte in zip(rows, mattes):
        camera = dataset.camera(row)
        means2d, depths = camera.project(jnp.zeros((1, 3)))  # heads are at the world's origin
        centre, height_width = np.asarray(means2d)[0], np.array(matte.shape)
        if ((centre >= 0) & (centre < height_width[::-1])).all():
            radius = max(_HEAD_RADIUS * abs(float(camera.intrinsics[0])) / float(depths[0]), 1.0)
            y, x = np.ogrid[: matte.shape[0], : matte.shape[1]]
            disc = (x + 0.5 - centre[0]) ** 2 + (y + 0.5 - centre[1]) ** 2 <= radius**2
            found.append(float(matte[disc].mean()) / _WHITE)
    return float(np.median(found)) if found else 1.0
