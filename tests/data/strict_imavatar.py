"""A reader of IMAvatar's folders that forgives nothing, written from the format's description alone.

It stands for the programs of others: it shares no code with the package, and it refuses what their loaders would
misread, such as a camera that is turned, or pictures that are not square.
"""

import json
import math
import pathlib
import re
import struct

FRAME_KEYS = {"file_path", "world_mat", "expression", "pose", "bbox", "flame_keypoints"}
GREY, RGB = 0, 2  # PNG's colour types


def read(folder: pathlib.Path) -> dict:
    """Returns the json after checking it and every picture that it names; AssertionError says what is wrong."""
    params = json.loads((folder / "flame_params.json").read_text(), parse_constant=_no_constant)
    assert {"frames", "shape_params", "intrinsics"} <= set(params), sorted(params)
    numbers_of(params["shape_params"], 100)
    fx, fy, cx, cy = numbers_of(params["intrinsics"], 4)
    assert fx < 0 < fy and 0 < cx < 1 and 0 < cy < 1, params["intrinsics"]
    seen = [check_frame(folder, frame) for frame in params["frames"]]
    numbers, sides = zip(*seen)
    assert list(numbers) == sorted(set(numbers)) and numbers[0] >= 1
    assert len(set(sides)) == 1, sides
    for sub_folder in ("image", "mask"):
        names = {path.name for path in (folder / sub_folder).iterdir()}
        assert names == {f"{number}.png" for number in numbers}, "every picture belongs to a frame"
    return params


def check_frame(folder: pathlib.Path, frame: dict) -> tuple[int, int]:
    """Returns the frame's number and the side of its picture."""
    assert set(frame) >= FRAME_KEYS, sorted(frame)
    match = re.fullmatch(r"\./image/([1-9][0-9]*)", frame["file_path"])
    assert match, frame["file_path"]
    world = [numbers_of(row, 4) for row in frame["world_mat"]]
    assert [row[:3] for row in world] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "loaders get only unturned cameras right"
    assert world[2][3] < 0, "the camera looks down its -z axis"
    numbers_of(frame["expression"], 50)
    numbers_of(frame["pose"], 15)
    left, top, right, bottom = numbers_of(frame["bbox"], 4)
    assert -1 <= left < right <= 1 and -1 <= top < bottom <= 1, frame["bbox"]
    assert len(frame["flame_keypoints"]) in (68, 70)
    for point in frame["flame_keypoints"]:
        numbers_of(point, 2)
    # Loaders find the mask by replacing the word in the picture's path.
    image = folder / f"{frame['file_path']}.png"
    mask = folder / f"{frame['file_path'].replace('image', 'mask')}.png"
    side, colour = png(image)
    assert colour == RGB
    mask_side, mask_colour = png(mask)
    assert mask_side == side and mask_colour in (GREY, RGB)
    return int(match[1]), side


def numbers_of(values: list, count: int) -> list[float]:
    assert isinstance(values, list) and len(values) == count, (count, values)
    assert all(isinstance(value, (int, float)) and math.isfinite(value) for value in values)
    return values


def png(path: pathlib.Path) -> tuple[int, int]:
    """Side and colour type of a square 8-bit PNG."""
    start = path.read_bytes()[:26]
    assert start[:8] == b"\x89PNG\r\n\x1a\n", path
    width, height, depth, colour = struct.unpack(">IIBB", start[16:26])
    assert width == height and depth == 8, path
    return width, colour


def _no_constant(name: str) -> float:
    raise AssertionError(f"{name} is not json")
