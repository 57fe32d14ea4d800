"""Hair and hats: the donor's over the bald target. Spec section 11.3, with soft edges and the right matte."""

import numpy as np

from pegasus_jax.synthesis import masks
from pegasus_jax.synthesis.bald import BaldFrame
from pegasus_jax.synthesis.performance import Performance

_WORN = 0.5  # coverage that counts as the part, for its outline
_RIM = 4.0  # a pixel that is the person by less than three quarters is rim
_FAINT = 0.02  # coverage that nobody sees
_SPECK = 0.004  # of the picture's height: smaller bits of the part are noise
_STICKS_OUT = 0.06  # of the picture's height: skull or hair this far above the new part is cut off


def put_on(
    image: np.ndarray, matte: np.ndarray, bald: BaldFrame, donor: Performance, *, keep_below: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Puts the donor's hair or hat on the target.

    Args:
        image, matte: (H, W, 3) and (H, W) uint8, the target's frame.
        bald: the same frame without hair.
        donor: the donor in the same pose.
        keep_below: keep the target's own hair below the part's rim, as under a hat.

    Returns:
        Image (H, W, 3) and matte (H, W), uint8; the part's coverage (H, W) in [0, 1]; and (H, W) bool where image or
        matte may differ from the target's.
    """
    worn = _without_specks(_seen(donor))
    base, base_matte, removed = image, matte, np.zeros(matte.shape, bool)
    if not keep_below:
        removed = bald.changed
    elif worn.any():
        removed = bald.changed & _above_rim(worn > _WORN)
    base = np.where(removed[..., None], bald.image, image).astype(np.float32)
    base_matte = np.where(removed, bald.matte, matte) / 255.0
    base_matte[_sticking_out(worn > _WORN, len(image)) & removed] = 0.0
    # Hair that the donor's cheeks and neck hide may show beside the target's.
    behind = np.zeros_like(worn)
    if not keep_below:
        behind = _open(base_matte) * _hidden(_without_specks(donor.alone.alpha), worn)
    base = _over(255.0 * donor.alone.colour(), behind[..., None], base)
    new = _over(255.0 * donor.worn.colour(), worn[..., None], base)
    new_matte = 255.0 * _over(1.0, worn, _over(1.0, behind, base_matte))
    changed = removed | (worn > 0) | (behind > _FAINT)
    return (
        np.where(changed[..., None], np.round(new), image).astype(np.uint8),
        np.where(changed, np.round(new_matte), matte).astype(np.uint8),
        np.maximum(worn, behind),
        changed,
    )


def _over(top: np.ndarray | float, coverage: np.ndarray, below: np.ndarray) -> np.ndarray:
    return coverage * top + (1.0 - coverage) * below


def _open(matte: np.ndarray) -> np.ndarray:
    """Where something behind shows: the rim of a matte goes with it, which has the old background in its colours."""
    return np.clip(_RIM * (1.0 - matte), 0.0, 1.0)


def _hidden(whole: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The coverage that, beneath what is seen, makes up the whole."""
    return np.clip((whole - seen) / np.maximum(1.0 - seen, 1e-3), 0.0, 1.0)


def _seen(donor: Performance) -> np.ndarray:
    """The part's coverage, without the faint rest that neighbours' shares leave on skin.

    Points on an outline share their votes with the background; what they cover there is the part's all the same.
    """
    of_covered = donor.part / np.maximum(donor.alpha, 0.05)
    return donor.alpha * np.clip((of_covered - 0.2) / 0.6, 0.0, 1.0)


def _without_specks(coverage: np.ndarray) -> np.ndarray:
    distance = masks.pixels(_SPECK, len(coverage))
    kept = masks.grow(masks.clean(coverage > _WORN, distance), distance)
    return np.where(kept, coverage, 0.0).astype(np.float32)


def _above_rim(worn: np.ndarray) -> np.ndarray:
    """(H, W) bool: above the lower edge of what is worn, which goes on level to both sides."""
    columns = np.flatnonzero(worn.any(axis=0))
    rim = len(worn) - 1 - worn[::-1, columns].argmax(axis=0)
    level = np.interp(np.arange(worn.shape[1]), columns, rim)
    return np.arange(len(worn))[:, None] <= level[None, :]


def _sticking_out(worn: np.ndarray, height: int) -> np.ndarray:
    """(H, W) bool: in each column that has some of the part, what lies just above its top."""
    top = np.where(worn.any(axis=0), worn.argmax(axis=0), 0)[None, :]
    row = np.arange(len(worn))[:, None]
    return (row < top) & (row >= top - masks.pixels(_STICKS_OUT, height))
