"""Pictures side by side, with labels."""

from collections.abc import Sequence

import cv2
import numpy as np

from pegasus_jax.media.pictures import to_uint8

_TEXT_HEIGHT = 18  # pixels
_INK = (40, 40, 40)


def contact_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    *,
    labels: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    gap: int = 4,
) -> np.ndarray:
    """Pictures in a grid on white.

    Args:
        rows: images, (H, W) or (H, W, 3), uint8 or float in [0, 1], all of one size, rows of any length.
        labels: what stands above each column.
        row_labels: what stands left of each row.
        gap: pixels between pictures.

    Returns:
        (H', W', 3) uint8.

    Raises:
        ValueError: there are no pictures, or they differ in size.
    """
    pictures = [[to_uint8(image) for image in row] for row in rows]
    sizes = {image.shape[:2] for row in pictures for image in row}
    if len(sizes) != 1:
        raise ValueError(f"a contact sheet needs pictures of one size; got {sorted(sizes) or 'none'}.")
    height, width = sizes.pop()
    top = _TEXT_HEIGHT + gap if labels else gap
    left = gap + max((_text_width(text) + gap for text in row_labels), default=0)
    columns = max(len(row) for row in pictures)
    sheet_size = (top + len(rows) * (height + gap), left + columns * (width + gap), 3)
    sheet = np.full(sheet_size, 255, np.uint8)
    for i, row in enumerate(pictures):
        for j, image in enumerate(row):
            y, x = top + i * (height + gap), left + j * (width + gap)
            sheet[y : y + height, x : x + width] = image
    for j, text in enumerate(labels[:columns]):
        _put_text(sheet, text, (left + j * (width + gap), _TEXT_HEIGHT - 4), width)
    for i, text in enumerate(row_labels[: len(rows)]):
        _put_text(sheet, text, (gap, top + i * (height + gap) + height // 2), left)
    return sheet


def _text_width(text: str) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0]


def _put_text(sheet: np.ndarray, text: str, origin: tuple[int, int], width: int) -> None:
    """Writes `text` with its lower left corner at `origin` (x, y), shrunk to `width` pixels."""
    scale = 0.42 * min(1.0, width / max(_text_width(text), 1))
    cv2.putText(sheet, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)
