"""Bald frames painted by a diffusion model, with the paper's words, seed and margin. Spec section 11.3.

Painting takes seconds to minutes a frame, so each one is kept as soon as it is done, in a folder that
`bald.from_folder` reads: a run that was killed goes on where it stopped, all donors of a target share the frames, and a
frame that went wrong can be looked at and painted anew by hand.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import cv2
import numpy as np

from pegasus_jax import atomic, progress
from pegasus_jax.data import Dataset, pictures
from pegasus_jax.errors import UserError
from pegasus_jax.synthesis import bald
from pegasus_jax.synthesis.bald import Bald
from pegasus_jax.synthesis.facial import clone
from pegasus_jax.synthesis.stable_diffusion import DiffusionModels, StableDiffusion
from pegasus_jax.untrusted import json_text
from pegasus_jax.untrusted.files import read_bytes

PROMPT = "bald, clean skin, smooth bald, small head, albedo"
NEGATIVE_PROMPT = (
    "hair, wrinkles, shadow, light reflection, tattoo, sideburns, facial hair, cartoonish, abstract interpretations, "
    "hat, head coverings"
)
SEED = 1  # of every frame: the published code goes on drawing, so that neighbours differ more than they have to
MARGIN = 10 / 512  # of the picture's height, around the hair: the paper's box of 20 pixels
HEIGHT = 512  # pixels: what Stable Diffusion 1.5 was trained at
_MULTIPLE = 8  # of both sides, for its autoencoder
_RECORD = "bald.json"

MatteOf = Callable[[np.ndarray], np.ndarray]  # (H, W, 3) uint8 -> foreground matte (H, W) in [0, 1]


class Painter(Protocol):
    """What `StableDiffusion` does to one picture."""

    def __call__(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        control: np.ndarray,
        *,
        prompt: str,
        negative_prompt: str,
        seed: int,
    ) -> np.ndarray:
        """Paints (H, W, 3) uint8 where the mask (H, W) is set; see `StableDiffusion`."""
        ...


def painted(target: Dataset, *, folder: pathlib.Path, models: DiffusionModels) -> Bald:
    """Bald frames of the target, from `folder`; those that it lacks are painted into it first.

    Raises:
        UserError: the folder holds something else, or frames are to be painted and what paints them is missing.
    """
    record = _record(target, models)
    _check(folder, record)
    missing = [index for index in range(len(target)) if not _is_done(folder, target, index)]
    if missing:
        from pegasus_jax.capture.mattes import Segmenters  # MediaPipe: slow to load, and nothing else here needs it

        with StableDiffusion(models) as painter, Segmenters() as segmenters:
            with atomic.file(folder / _RECORD) as temporary:
                temporary.write_text(json.dumps(record, indent=1) + "\n")
            paint(target, folder, missing, painter=painter, matte_of=segmenters.person)
    return bald.from_folder(folder, target)


def paint(
    target: Dataset, folder: pathlib.Path, indices: Sequence[int], *, painter: Painter, matte_of: MatteOf
) -> None:
    """Writes the bald pictures and mattes of some frames; nothing but the grown hair changes in them."""
    for index in progress.bar(indices, desc=f"Painting {target.folder.name} bald"):
        image, matte = target.images(indices=[index])[0], target.masks(indices=[index])[0]
        region = bald.hair_region(target.parts("hair", indices=[index])[0], margin=MARGIN)
        if region.any():
            image = clone(_without_hair(image, region, painter), image, region)
            matte = np.where(region, np.round(255.0 * matte_of(image)), matte).astype(np.uint8)
        for path, picture in zip(_paths(folder, target, index), (image, matte)):
            with atomic.file(path) as temporary:
                pictures.write_png(temporary, picture)


def _without_hair(image: np.ndarray, region: np.ndarray, painter: Painter) -> np.ndarray:
    """The painter's picture (H, W, 3) uint8; its border is not the image's yet."""
    height, width = image.shape[:2]
    size = (HEIGHT, _MULTIPLE * max(1, round(HEIGHT * width / height / _MULTIPLE)))
    large = pictures.resize(image, size)
    mask = cv2.resize(region.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0
    control = np.where(mask[..., None], np.float32(-1.0), large / np.float32(255.0))
    drawn = painter(large, mask, control, prompt=PROMPT, negative_prompt=NEGATIVE_PROMPT, seed=SEED)
    return pictures.resize(drawn, (height, width))


def _paths(folder: pathlib.Path, target: Dataset, index: int) -> tuple[pathlib.Path, pathlib.Path]:
    """Picture and matte of a frame."""
    name = f"{int(target.numbers[index])}.png"
    return folder / name, folder / "mask" / name


def _is_done(folder: pathlib.Path, target: Dataset, index: int) -> bool:
    return all(path.is_file() for path in _paths(folder, target, index))


def _record(target: Dataset, models: DiffusionModels) -> dict[str, Any]:
    """What the frames depend on."""
    digest = hashlib.sha256()
    for index, files in enumerate(target.files):
        digest.update(read_bytes(files.image))
        digest.update(target.parts("hair", indices=[index])[0].tobytes())
    words = {"prompt": PROMPT, "negative_prompt": NEGATIVE_PROMPT, "seed": SEED, "margin": MARGIN}
    named = {key: value for key, value in dataclasses.asdict(models).items() if key != "device"}
    return {**named, **words, "target_sha256": digest.hexdigest()}


def _check(folder: pathlib.Path, record: dict[str, Any]) -> None:
    path = folder / _RECORD
    if path.is_file() and json_text.read_json(path) == record:
        return
    if folder.exists() and any(folder.iterdir()):
        raise UserError(
            f"{folder} does not hold this clip's frames by these models; remove it to paint anew, or take it as it is: "
            f"--bald={folder}."
        )
