"""How the native backend's time grows with the number of points: prints a table, draws docs/rasterizer/growth.png.

    python benchmarks/splatting_growth.py --repeats=5

Spheres of 10,000 to 1,000,000 points that cover the same part of 512 x 512 pixels: the more points, the smaller.
"""

import argparse
import pathlib

import cv2
import numpy as np
from splatting import Job, milliseconds, passes

COUNTS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
_OUT = pathlib.Path(__file__).parents[1] / "docs" / "rasterizer" / "growth.png"
_SIZE, _MARGIN = (480, 640), 60  # rows and columns; room for the axes' numbers
_COLOURS = {"forward": (180, 90, 0), "forward + backward": (0, 60, 200)}  # BGR
_INK, _GRID, _LINEAR = (60, 60, 60), (225, 225, 225), (170, 170, 170)


def measure(repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each pass, one for each of `COUNTS`; prints them as they come."""
    times: dict[str, list[float]] = {name: [] for name in _COLOURS}
    print("| points | pass | ms | microseconds a point |\n|---|---|---|---|")
    for count in COUNTS:
        for name, program in passes(Job(count, 512, 1.6 / np.sqrt(count), 7, 1), "cpu").items():
            times[name].append(milliseconds(program, repeats))
            print(f"| {count} | {name} | {times[name][-1]:.1f} | {1e3 * times[name][-1] / count:.3f} |", flush=True)
    return times


class Axes:
    """Points to the right, milliseconds upwards, both logarithmic."""

    def __init__(self, times: dict[str, list[float]]):
        self.canvas = np.full((*_SIZE, 3), 255, np.uint8)
        self._left, self._right = np.log10(COUNTS[0]), np.log10(COUNTS[-1])
        self._low = np.floor(np.log10(min(map(min, times.values()))))
        self._high = np.ceil(np.log10(max(map(max, times.values()))))

    def place(self, points: float, ms: float) -> tuple[int, int]:
        """Column and row."""
        right = (np.log10(points) - self._left) / (self._right - self._left)
        up = (np.log10(ms) - self._low) / (self._high - self._low)
        height, width = _SIZE[0] - 2 * _MARGIN, _SIZE[1] - 2 * _MARGIN
        return round(_MARGIN + width * right), round(_SIZE[0] - _MARGIN - height * up)

    def line(self, points: tuple[float, float], ms: tuple[float, float], colour: tuple[int, int, int]) -> None:
        cv2.line(self.canvas, *map(self.place, points, ms), colour, 1, cv2.LINE_AA)

    def write(self, text: str, origin: tuple[int, int], colour: tuple[int, int, int] = _INK) -> None:
        cv2.putText(self.canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)

    def draw_grid(self) -> None:
        bottom, top = 10**self._low, 10**self._high
        for ms in 10 ** np.arange(self._low, self._high + 1):
            self.line((COUNTS[0], COUNTS[-1]), (ms, ms), _GRID)
            self.write(f"{ms:g}", (15, self.place(COUNTS[0], ms)[1] + 5))
        for count in COUNTS:
            self.line((count, count), (bottom, top), _GRID)
            self.write(f"{count:,}", (self.place(count, bottom)[0] - 30, _SIZE[0] - _MARGIN + 20))
        self.write("milliseconds", (8, _MARGIN - 20))
        self.write("points", (_SIZE[1] // 2 - 20, _SIZE[0] - 14))

    def draw_curve(self, times: list[float], colour: tuple[int, int, int]) -> None:
        """The times, and a grey line of what is in proportion to the points and meets them at the last."""
        first = max(COUNTS[0], 10**self._low / times[-1] * COUNTS[-1])
        self.line((first, COUNTS[-1]), (times[-1] * first / COUNTS[-1], times[-1]), _LINEAR)
        corners = [self.place(*pair) for pair in zip(COUNTS, times)]
        cv2.polylines(self.canvas, [np.array(corners)], False, colour, 2, cv2.LINE_AA)
        for corner in corners:
            cv2.circle(self.canvas, corner, 4, colour, -1, cv2.LINE_AA)


def plot(times: dict[str, list[float]]) -> np.ndarray:
    """The picture, (H, W, 3) uint8, BGR."""
    axes = Axes(times)
    axes.draw_grid()
    for row, (name, colour) in enumerate(_COLOURS.items()):
        axes.draw_curve(times[name], colour)
        per_point = 1e3 * times[name][-1] / COUNTS[-1]
        axes.write(f"{name}: {per_point:.2f} us a point at the end", (_MARGIN + 12, _MARGIN + 24 + 22 * row), colour)
    return axes.canvas


def main() -> None:
    """Measures, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    times = measure(parser.parse_args().repeats)
    _OUT.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(_OUT), plot(times))


if __name__ == "__main__":
    main()
