"""Which folders are dataset folders, and of which format: judged by what is in them."""

import os
import pathlib

from pegasus_jax.data import checks, layout, nerf_style

_DEEPEST = 4  # levels below the folder that is named: published data sit at <subject>/<subject>/<clip>


def dataset_folders(folder: str | os.PathLike) -> list[pathlib.Path]:
    """The folder itself if it is a dataset folder, else all dataset folders below it, sorted; empty if there is none.

    Raises:
        UserError: a json that has to be looked into cannot be read.
    """
    folder = pathlib.Path(folder)
    if _is_dataset(folder):
        return [folder]
    return _below(folder, _DEEPEST)


def params_jsons(folder: pathlib.Path) -> list[pathlib.Path]:
    """Json files that may hold the parameters of a folder in IMAvatar's layout: the one of the usual name, else all
    with `frames`, sorted; empty if the folder is none.

    Raises:
        UserError: a json cannot be read.
    """
    usual = folder / layout.PARAMS_JSON
    if os.path.lexists(usual):
        return [usual]
    if not (folder / layout.IMAGE).is_dir():
        return []
    others = sorted(path for path in folder.glob("*.json") if not path.name.startswith(nerf_style.PREFIX))
    return [path for path in others if path.name != layout.CAPTURE_JSON and "frames" in checks.read_json(path)]


def _is_dataset(folder: pathlib.Path) -> bool:
    return bool(nerf_style.transforms_files(folder) or params_jsons(folder))


def _below(folder: pathlib.Path, levels: int) -> list[pathlib.Path]:
    found: list[pathlib.Path] = []
    for child in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if _is_dataset(child):
            found.append(child)
        elif levels > 1:
            found += _below(child, levels - 1)
    return found
