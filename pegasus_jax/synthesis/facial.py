"""Eyes, eyebrows, nose and mouth: the old part is inpainted away, the new one blended in by its gradients.

Telea (2004) and Perez et al. (2003), as in spec section 11.2, but grown evenly and centred to the pixel.
"""

import cv2
import numpy as np

from pegasus_jax.synthesis import masks

_OLD_MARGIN = 0.01  # of the picture's height: what is inpainted around the old part
_NEW_MARGIN = 0.01  # what of the donor's skin comes along around the new part
_RING = 0.02  # of the picture's height: the skin around a part whose colours are compared
_GAIN = (0.4, 2.5)
_TELEA_RADIUS = 3
_CLONE_ERODES = 3  # pixels that seamlessClone takes off its mask on every side
_PADDING = 8  # pixels, so that a part at the border has a surrounding


def swap(image: np.ndarray, old: np.ndarray, donor: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Puts the donor's part into the image.

    Args:
        image: (H, W, 3) uint8, the target's frame.
        old: (H, W) bool, where the target's own part is; not empty.
        donor: (H, W, 3) uint8, the donor in the same pose.
        new: (H, W) bool, where the donor's part is; not empty.

    Returns:
        The new image (H, W, 3) uint8, and (H, W) bool where it may differ from `image`: everywhere else it is equal.
    """
    height = len(image)
    gone = masks.grow(old, masks.pixels(_OLD_MARGIN, height))
    worn = masks.grow(new, masks.pixels(_NEW_MARGIN, height))
    plain = cv2.inpaint(image, gone.astype(np.uint8), _TELEA_RADIUS, cv2.INPAINT_TELEA)
    blended = clone(relit(donor, plain, worn), plain, worn)
    changed = gone | worn
    return np.where(changed[..., None], blended, image), changed


def relit(donor: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The donor with the target's light on it: (H, W, 3) uint8.

    Each channel is scaled so that skin around the mask is as bright in both. Gradients alone carry the difference of two
    lights over as an offset, which turns lips blue where the donor was filmed in warm light.
    """
    ring = masks.grow(mask, masks.pixels(_RING, len(mask))) & ~mask
    if not ring.any():
        return donor
    ours, theirs = (np.median(picture[ring], axis=0) + 1.0 for picture in (target, donor))
    return np.round(np.clip(donor * np.clip(ours / theirs, *_GAIN), 0.0, 255.0)).astype(np.uint8)


def clone(source: np.ndarray, destination: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`destination` with the gradients of `source` inside the mask, pixel on pixel: (H, W, 3) uint8.

    OpenCV centres the mask's box on the point it is given, rounding down, and erodes the mask; both are undone here.
    """
    margin = _CLONE_ERODES + _PADDING
    wide = ((margin, margin), (margin, margin))
    grown = masks.grow(np.pad(mask, wide), _CLONE_ERODES)
    source, destination_wide = (np.pad(picture, (*wide, (0, 0)), mode="edge") for picture in (source, destination))
    rows, cols = masks.box(grown)
    height, width = rows.stop - rows.start, cols.stop - cols.start
    centre = (cols.start + width // 2, rows.start + height // 2)
    out = cv2.seamlessClone(
        np.ascontiguousarray(source),
        np.ascontiguousarray(destination_wide),
        255 * grown.astype(np.uint8),
        centre,
        cv2.NORMAL_CLONE,
    )
    return out[margin:-margin, margin:-margin]
