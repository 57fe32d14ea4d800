"""The target without hair: what new hair sits on, and what shows where the old hair was larger than the new.

One interface: a function from a frame's position to a `BaldFrame`. `inpainted` needs no weights: where hair was, it
paints the tracked head model with the skin's own colour, lit as the face is lit, and the background beyond it.
`from_folder` takes frames made elsewhere, `diffusion.painted` those of a diffusion model.
"""

import dataclasses
import pathlib
from collections.abc import Callable

import cv2
import numpy as np

from pegasus_jax.data import Dataset, pictures
from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.synthesis import masks
from pegasus_jax.synthesis.skull import SkullPicture, skull_picture

_HAIR = 0.1  # of a pixel: what counts as hair
_MARGIN = 0.03  # of the picture's height: grown around the hair, wisps included (the paper: a box of 20 pixels at 512)
_SHADE = 0.03  # of the picture's height: skin so near to hair lies in its shadow, and is not asked for its colour
_EDGE = 0.02  # of the picture's height: over which what is painted takes over; less than the margin, or hair shows
_RANGE = (0.02, 0.98)  # quantiles of the skin's colours that paint stays between
_REACH = 0.06  # of the picture's height: how far the skin's own colour carries beyond where it is seen
_SURE = 0.9  # coverage above which a pixel is trusted to be skin
_FIT_FRAMES, _FIT_PIXELS = 12, 4000
_COARSE = 128  # pixels: the height at which what lies behind hair is inpainted
_TELEA_RADIUS = 3
_NOT_SKIN = ("hair", "hat", "eyes", "eyebrows", "mouth")


@dataclasses.dataclass(frozen=True)
class BaldFrame:
    """One frame without hair."""

    image: np.ndarray  # (H, W, 3) uint8
    matte: np.ndarray  # (H, W) uint8
    changed: np.ndarray  # (H, W) bool: everywhere else both are the target's own


Bald = Callable[[int], BaldFrame]


def inpainted(target: Dataset, head: HeadModel) -> Bald:
    """Bald frames painted from the head model and the colours of the target's skin."""
    skin = _fit_skin(target, head)

    def frame(index: int) -> BaldFrame:
        image, matte, hair = _image(target, index), _matte(target, index), _hair(target, index)
        skull = skull_picture(head, target, index)
        return _without_hair(image, matte, hair, skull, skin, _seen_skin(target, skull, index))

    return frame


def from_folder(folder: pathlib.Path, target: Dataset) -> Bald:
    """Bald frames made elsewhere: `folder/<frame>.png`, and mattes in `folder/mask/<frame>.png`.

    Raises:
        UserError: a frame is missing or of another size.
    """
    for number in target.numbers.tolist():
        for path in (folder / f"{number}.png", folder / "mask" / f"{number}.png"):
            if not path.is_file() or pictures.header(path).size != target.image_size:
                raise UserError(
                    f"{path} is missing or not of the size of the target's pictures; give one bald picture and one "
                    "matte for each frame."
                )

    def frame(index: int) -> BaldFrame:
        name = f"{int(target.numbers[index])}.png"
        image = pictures.read_rgb(folder / name, image_size=target.image_size)
        matte = pictures.read_grey(folder / "mask" / name, image_size=target.image_size)
        changed = hair_region(_hair(target, index))
        own, own_matte = _image(target, index), _matte(target, index)
        return BaldFrame(np.where(changed[..., None], image, own), np.where(changed, matte, own_matte), changed)

    return frame


def hair_region(hair: np.ndarray, *, margin: float = _MARGIN) -> np.ndarray:
    """(H, W) bool: a hair mask (H, W) uint8 with what may be hair around it, to a share of the picture's height."""
    return masks.grow(hair > 255 * _HAIR, masks.pixels(margin, len(hair)))


def _image(target: Dataset, index: int) -> np.ndarray:
    return target.images(indices=[index])[0]


def _matte(target: Dataset, index: int) -> np.ndarray:
    return target.masks(indices=[index])[0]


def _hair(target: Dataset, index: int) -> np.ndarray:
    return target.parts("hair", indices=[index])[0]


def _seen_skin(target: Dataset, skull: SkullPicture, index: int) -> np.ndarray:
    """(H, W) bool: pixels that surely show the skin of the face."""
    skin = (skull.alpha > _SURE) & (skull.is_face > _SURE) & (_matte(target, index) > 255 * _SURE)
    distance = masks.pixels(_SHADE, len(skin))
    for name in _NOT_SKIN:
        if name in target.part_names:
            skin &= ~masks.grow(target.parts(name, indices=[index])[0] > 255 * _HAIR, distance)
    return skin


@dataclasses.dataclass(frozen=True)
class _Skin:
    """The skin's colour under the clip's light, as a linear function of (1, normal).

    The light stays where it is while the head turns, so that one fit serves all frames, and nothing flickers.
    """

    light: np.ndarray  # (4, 3)
    darkest: np.ndarray  # (3,)
    brightest: np.ndarray  # (3,)

    def paint(self, normals: np.ndarray) -> np.ndarray:
        """Levels (H, W, 3) for unit normals (H, W, 3); no brighter or darker than skin was seen."""
        return np.clip(_design(normals) @ self.light, self.darkest, self.brightest)


def _fit_skin(target: Dataset, head: HeadModel) -> _Skin:
    """Fits the colour over skin of frames spread over the clip."""
    rng = np.random.default_rng(0)
    normals, colours = [], []
    for index in np.unique(np.linspace(0, len(target) - 1, _FIT_FRAMES).astype(int)):
        skull = skull_picture(head, target, index)
        rows, cols = np.nonzero(_seen_skin(target, skull, index))
        chosen = rng.permutation(len(rows))[:_FIT_PIXELS]
        normals.append(skull.normals[rows[chosen], cols[chosen]])
        colours.append(_image(target, index)[rows[chosen], cols[chosen]])
    design, values = _design(np.concatenate(normals)), np.concatenate(colours).astype(np.float64)
    if len(values) < 100:
        raise UserError(
            f"{target.folder} shows hardly any skin of the face; look at its figures/: is the head tracked?"
        )
    light = np.linalg.lstsq(design, values, rcond=None)[0]
    for _ in range(3):  # highlights, beards and shadows of hair are no skin colour
        error = np.abs(design @ light - values).mean(axis=1)
        kept = error <= np.quantile(error, 0.7)
        light = np.linalg.lstsq(design[kept], values[kept], rcond=None)[0]
    darkest, brightest = np.quantile(values[kept], _RANGE, axis=0)
    return _Skin(light, darkest, brightest)


def _design(normals: np.ndarray) -> np.ndarray:
    return np.concatenate([np.ones((*normals.shape[:-1], 1)), normals], axis=-1)


def _without_hair(
    image: np.ndarray,
    matte: np.ndarray,
    hair: np.ndarray,
    skull: SkullPicture,
    skin: _Skin,
    seen: np.ndarray,
) -> BaldFrame:
    changed = hair_region(hair)
    height = len(image)
    painted = skin.paint(skull.normals)
    painted = painted + _carried(image - painted, seen, _REACH * height)
    background, background_matte = _behind(image, matte, changed)
    over = skull.alpha[..., None]
    bare = over * painted + (1.0 - over) * background
    bare_matte = 255.0 * skull.alpha + (1.0 - skull.alpha) * background_matte
    weight = _inner_ramp(changed, masks.pixels(_EDGE, height))
    new = weight[..., None] * bare + (1.0 - weight[..., None]) * image
    new_matte = weight * bare_matte + (1.0 - weight) * matte
    return BaldFrame(_levels(new), _levels(new_matte), changed)


def _carried(difference: np.ndarray, known: np.ndarray, reach: float) -> np.ndarray:
    """What is known of a difference (H, W, 3), carried on smoothly and fading with distance."""
    known_f = known.astype(np.float32)
    total = cv2.GaussianBlur(known_f, (0, 0), reach)
    summed = cv2.GaussianBlur(difference.astype(np.float32) * known_f[..., None], (0, 0), reach)
    return summed / (total + 0.02)[..., None]


def _behind(image: np.ndarray, matte: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Picture and matte with the hidden region inpainted from around it, at a coarse size: nobody looks closely."""
    size = (max(1, round(_COARSE * image.shape[1] / image.shape[0])), _COARSE)
    small = cv2.resize(hidden.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    filled = []
    for picture in (image, matte):
        coarse = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        coarse = cv2.inpaint(coarse, small, _TELEA_RADIUS, cv2.INPAINT_TELEA)
        filled.append(cv2.resize(coarse, image.shape[1::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32))
    return filled[0], filled[1]


def _inner_ramp(region: np.ndarray, width: int) -> np.ndarray:
    """(H, W): 0 outside the region, rising to 1 over `width` pixels inside it; the picture's border is no edge."""
    padded = cv2.copyMakeBorder(region.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.clip(distance / width, 0.0, 1.0)


def _levels(picture: np.ndarray) -> np.ndarray:
    return np.round(np.clip(picture, 0.0, 255.0)).astype(np.uint8)
