"""Eyes, eyebrows, nose and mouth: the old part gives way to the donor's skin, the new one is blended in by gradients.

Perez et al. (2003), as in spec section 11.2, but grown evenly and placed to the pixel. Where the old part was and the
new one is not, the papers inpaint from what is around it (Telea 2004), which smears the white of an eye over the bridge
of a nose; the donor, in the same pose, has skin there.
"""

import cv2
import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from pegasus_jax.synthesis import masks

_OLD_MARGIN = 0.025  # of the picture's height: what goes around the old part, whose mask is a polygon within it
_NEW_MARGIN = 0.01  # what of the donor's skin comes along around the new part
_BESIDE = 0.015  # of the picture's height: how far another part reaches beyond its mask, which is a polygon within it
_RING = 0.02  # of the picture's height: the skin around a part, whose colours are compared
_SOFT = 0.004  # of the picture's height: what smooths the rims of the points that the donor is drawn from
_SOFT_MASK = 0.006
_GAIN = (0.4, 2.5)
_HARDER = 1.2  # how many times the shade of the old part may be that of the new one, whose shape differs
_FAINT = 1e-3
_BULK = (10, 90)  # percentiles
_HALF = 0.5
_PULL = 1e-6  # towards the destination's level, for a piece that has no border to take it from


def swap(
    image: np.ndarray, old: np.ndarray, donor: np.ndarray, new: np.ndarray, *, spared: np.ndarray, is_skin: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Puts the donor's part into the image.

    Args:
        image: (H, W, 3) uint8, the target's frame.
        old: (H, W) bool, where the target's own part is; not empty.
        donor: (H, W, 3) uint8, the donor in the same pose.
        new: (H, W) bool, where the donor's part is; not empty.
        spared: (H, W) bool, the target's other parts, which go only where the new one covers them.
        is_skin: the part is nothing but skin, like a nose: it comes in the target's colour.

    Returns:
        The new image (H, W, 3) uint8, and (H, W) bool where it may differ from `image`: everywhere else it is equal.
    """
    height = len(image)
    beside = masks.grow(spared, masks.pixels(_BESIDE, height))
    grown = masks.grow(old, masks.pixels(_OLD_MARGIN, height)) | masks.grow(new, masks.pixels(_NEW_MARGIN, height))
    changed = grown & (old | new | ~beside)
    smooth = _smooth(donor, _SOFT)
    source = (in_colour_of if is_skin else relit)(smooth, image, changed)
    return np.where(changed[..., None], clone(source, image, changed, open_to=spared), image), changed


def whole(part: np.ndarray) -> np.ndarray:
    """(H, W) bool where a part drawn from points is, by its coverage (H, W) in [0, 1]: no gaps, no specks."""
    covered = _smooth(part.astype(np.float32), _SOFT_MASK) > _HALF
    return masks.clean(covered, masks.pixels(_SOFT_MASK, len(part)))


def _smooth(picture: np.ndarray, share: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), share * len(picture))


def relit(donor: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The donor with the target's light on it: (H, W, 3) uint8.

    Each channel is scaled so that skin around the mask is as bright in both. Gradients alone carry the difference of
    two lights over as an offset, which turns lips blue where the donor was filmed in warm light.
    """
    ring = _ring(mask)
    if not ring.any():
        return donor
    ours, theirs = (np.median(picture[ring], axis=0) + 1.0 for picture in (target, donor))
    return np.round(np.clip(donor * np.clip(ours / theirs, *_GAIN), 0.0, 255.0)).astype(np.uint8)


def in_colour_of(donor: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The donor's light and shade in the colour that the target has around the mask: (H, W, 3) uint8.

    Where the donor was filmed in harder light, its shade is as faint as that of the part which it takes the place of.
    """
    ring = _ring(mask)
    if not ring.any():
        return donor
    ours, theirs = (_shade(picture, ring) for picture in (target, donor))
    contrast = min(1.0, _HARDER * _spread(ours[mask]) / max(_spread(theirs[mask]), _FAINT))
    shade = np.clip(theirs**contrast, 0.0, _GAIN[1])
    return np.round(np.clip(shade[..., None] * np.median(target[ring], axis=0), 0.0, 255.0)).astype(np.uint8)


def _shade(picture: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """(H, W): how bright it is, as a share of what the ring is."""
    bright = picture.mean(axis=-1) + 1.0
    return bright / np.median(bright[ring])


def _spread(shade: np.ndarray) -> float:
    """Of shade (N,), in logarithms, without what is hidden from all light."""
    low, high = np.percentile(np.log(shade), _BULK)
    return float(high - low)


def _ring(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool: what is around the mask."""
    return masks.grow(mask, masks.pixels(_RING, len(mask))) & ~mask


def clone(
    source: np.ndarray, destination: np.ndarray, mask: np.ndarray, *, open_to: np.ndarray | None = None
) -> np.ndarray:
    """`destination` with the gradients of `source` inside the mask, continuous at its border: (H, W, 3) uint8.

    To the pixels `open_to` (H, W) bool it need not be continuous: the white of an eye would spread over the skin beside
    it. A piece of the mask that borders on nothing else keeps the level that `destination` has there.

    OpenCV's `seamlessClone` solves for the whole box around the mask, which changes the picture outside the mask,
    erodes the mask, and rounds its place; so the equation is solved here, for the mask's pixels alone.
    """
    height, width = mask.shape
    if mask.all():
        return source
    rows, cols = np.nonzero(mask)
    number = np.full(mask.shape, -1)
    number[rows, cols] = np.arange(len(rows))
    own, other = [], []
    guide, fixed = source.astype(np.float64), destination.astype(np.float64)
    counts = np.ones(mask.shape, bool) if open_to is None else mask | ~open_to
    degree, right = np.full(len(rows), _PULL), _PULL * fixed[rows, cols]
    for down, along in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        there = np.flatnonzero(
            (rows + down >= 0) & (rows + down < height) & (cols + along >= 0) & (cols + along < width)
        )
        there = there[counts[rows[there] + down, cols[there] + along]]
        r, c = rows[there], cols[there]
        neighbour = number[r + down, c + along]
        degree[there] += 1
        right[there] += guide[r, c] - guide[r + down, c + along]
        border = neighbour < 0
        right[there[border]] += fixed[r[border] + down, c[border] + along]
        own.append(there[~border])
        other.append(neighbour[~border])
    own_all, other_all = np.concatenate(own), np.concatenate(other)
    laplacian = scipy.sparse.coo_matrix(
        (-np.ones(len(own_all)), (own_all, other_all)), shape=(len(rows), len(rows))
    ) + scipy.sparse.diags(degree)
    solved = scipy.sparse.linalg.splu(laplacian.tocsc()).solve(right)
    out = destination.copy()
    out[rows, cols] = np.round(np.clip(solved, 0.0, 255.0)).astype(np.uint8)
    return out
