"""Names inside a dataset folder: IMAvatar's layout (spec section 9) and our additions to it.

image/1.png  mask/1.png  semantic/1.png  flame_params.json    as published
parts/<attribute>/1.png  normal/1.png  capture.json  figures/  ours
"""

import pathlib

IMAGE, MASK, SEMANTIC, PARTS, NORMAL, FIGURES = "image", "mask", "semantic", "parts", "normal", "figures"
PARAMS_JSON = "flame_params.json"
CAPTURE_JSON = "capture.json"
BLACKLIST_JSON = "blacklist.json"  # beside the dataset folders of a subject

# All that a folder may hold for a new capture to take its place; anything else could be a user's own work.
REPLACEABLE = frozenset({IMAGE, MASK, PARTS, NORMAL, FIGURES, PARAMS_JSON, CAPTURE_JSON})


def image_path(folder: pathlib.Path, number: int) -> pathlib.Path:
    """Path of a frame's picture."""
    return folder / IMAGE / f"{number}.png"


def mask_path(folder: pathlib.Path, number: int) -> pathlib.Path:
    """Path of a frame's foreground matte."""
    return folder / MASK / f"{number}.png"


def semantic_path(folder: pathlib.Path, number: int) -> pathlib.Path:
    """Path of a frame's map of face-parsing labels."""
    return folder / SEMANTIC / f"{number}.png"


def part_path(folder: pathlib.Path, name: str, number: int) -> pathlib.Path:
    """Path of a frame's mask of one attribute."""
    return folder / PARTS / name / f"{number}.png"


def normal_path(folder: pathlib.Path, number: int) -> pathlib.Path:
    """Path of a frame's picture of normals."""
    return folder / NORMAL / f"{number}.png"


def part_names(folder: pathlib.Path) -> tuple[str, ...]:
    """Attributes that have masks of their own, sorted."""
    parts = folder / PARTS
    return tuple(sorted(p.name for p in parts.iterdir() if p.is_dir())) if parts.is_dir() else ()
