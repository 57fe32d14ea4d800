"""Lines over axes, as pictures."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

_INK, _GRID = (40, 40, 40), (225, 225, 225)
# Okabe and Ito's colours, which the colour-blind tell apart.
_COLOURS = ((0, 0, 0), (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0))
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_MARGIN = (64, 28, 14, 40)  # pixels: left, top, right, bottom
_SUBPIXEL_BITS = 4


@dataclasses.dataclass(frozen=True)
class Axis:
    """One logarithmic axis: its label, and its ends, both above 0."""

    label: str
    start: float
    end: float

    def place(self, values: np.ndarray) -> np.ndarray:
        """Where values stand: 0 at the start, 1 at the end; what lies below 1e-30 stands as that."""
        low, high = math.log10(self.start), math.log10(self.end)
        return (np.log10(np.maximum(values, 1e-30)) - low) / (high - low)

    def ticks(self) -> list[float]:
        """Powers of ten between the ends; with 2 and 5 times them where there are few."""
        decades = range(math.floor(math.log10(self.start)), math.ceil(math.log10(self.end)) + 1)
        factors = (1,) if len(decades) > 4 else (1, 2, 5)
        every = [factor * 10.0**decade for decade in decades for factor in factors]
        return [tick for tick in every if self.start <= tick * 1.000001 and tick <= self.end * 1.000001]


def line_plot(
    lines: Mapping[str, tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]],
    *,
    across: Axis,
    up: Axis,
    title: str,
    size: tuple[int, int] = (420, 640),
) -> np.ndarray:
    """Lines over logarithmic axes, with a legend.

    Args:
        lines: by name the x and y values of each, the first on top; what lies outside the axes is cut off.
        across: the x axis.
        up: the y axis.
        title: what stands above.
        size: height and width in pixels.

    Returns:
        (H, W, 3) uint8 on white.
    """
    canvas = np.full((*size, 3), 255, np.uint8)
    left, top, right, bottom = _MARGIN
    width, height = size[1] - left - right, size[0] - top - bottom
    for tick in across.ticks():
        x = left + round(width * float(across.place(np.array(tick))))
        cv2.line(canvas, (x, top), (x, top + height), _GRID, 1)
        _write(canvas, f"{tick:g}", (x, top + height + 15), centred=True)
    for tick in up.ticks():
        y = top + height - round(height * float(up.place(np.array(tick))))
        cv2.line(canvas, (left, y), (left + width, y), _GRID, 1)
        _write(canvas, f"{tick:g}", (4, y + 4))
    field = canvas[top : top + height, left : left + width]
    for colour, (along, values) in reversed([*zip(_colours(len(lines)), lines.values())]):
        points = np.stack(
            [width * across.place(np.asarray(along)), height * (1 - up.place(np.asarray(values)))], axis=1
        )
        fixed = np.round(points * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.polylines(field, [fixed], False, colour, 2, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.rectangle(canvas, (left, top), (left + width, top + height), _INK, 1)
    for number, (colour, name) in enumerate(zip(_colours(len(lines)), lines)):
        y = top + height - 12 - 16 * (len(lines) - 1 - number)
        cv2.line(canvas, (left + 10, y - 4), (left + 34, y - 4), colour, 2, cv2.LINE_AA)
        _write(canvas, name, (left + 40, y))
    _write(canvas, title, (left, top - 10))
    _write(canvas, up.label, (4, top - 10))
    _write(canvas, across.label, (left + width // 2, size[0] - 6), centred=True)
    return canvas


def _colours(count: int) -> list[tuple[int, int, int]]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]


def _write(canvas: np.ndarray, text: str, origin: tuple[int, int], *, centred: bool = False) -> None:
    x, y = origin
    if centred:
        x -= cv2.getTextSize(text, _FONT, 0.4, 1)[0][0] // 2
    cv2.putText(canvas, text, (x, y), _FONT, 0.4, _INK, 1, cv2.LINE_AA)
