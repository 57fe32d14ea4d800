"""Reading a dataset folder, whoever wrote it: everything is checked before any work starts.

Formats are told apart by the files in the folder; `docs/data.md` says what is taken from each.
"""

import os
import pathlib

from pegasus_jax.data import checks, layout, nerf_style
from pegasus_jax.data.dataset import Dataset
from pegasus_jax.data.finding import dataset_folders, params_jsons
from pegasus_jax.data.imavatar import read_imavatar
from pegasus_jax.data.insta import EXPRESSION_KEY, read_insta
from pegasus_jax.data.mattes import with_matte_scale
from pegasus_jax.data.plausibility import check_values
from pegasus_jax.data.vhap import PARAMS_KEY, read_vhap
from pegasus_jax.errors import UserError


def read_dataset(folder: str | os.PathLike, *, json_name: str | None = None) -> Dataset:
    """Reads and checks a dataset folder: ours, IMAvatar's (PointAvatar's, PEGASUS'), INSTA's or VHAP's.

    Args:
        folder: a dataset folder, or one with a single dataset folder somewhere below it.
        json_name: the json of IMAvatar's layout, relative to `folder`; found by itself without it.

    Raises:
        UserError: anything is missing, of wrong length or size, not finite, outside the folder, or no value that a
            tracked head can have; the message names the file and the key.
    """
    dataset = _read(pathlib.Path(folder), json_name)
    check_values(dataset)
    return with_matte_scale(dataset)


def _read(folder: pathlib.Path, json_name: str | None) -> Dataset:
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give a dataset folder, as `capture` writes it.")
    if json_name is not None:
        return read_imavatar(folder, checks.inside(folder, json_name, where="json_name"))
    folder = _only_dataset(folder)
    jsons = params_jsons(folder)
    if len(jsons) > 1:
        names = ", ".join(path.name for path in jsons)
        raise UserError(
            f"{folder} has several json files with frames ({names}); name one of them {layout.PARAMS_JSON}."
        )
    return read_imavatar(folder, jsons[0]) if jsons else _read_nerf_style(folder)


def _only_dataset(folder: pathlib.Path) -> pathlib.Path:
    found = dataset_folders(folder)
    if not found:
        raise UserError(
            f"{folder} is not a dataset folder, nor is one below it: there is neither {layout.PARAMS_JSON} nor "
            f"{nerf_style.WHOLE_JSON}; make one by launch.py capture."
        )
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found)
        raise UserError(f"{folder} has several dataset folders below it ({names}); name one of them.")
    return found[0]


def _read_nerf_style(folder: pathlib.Path) -> Dataset:
    views = nerf_style.read_views(folder)
    if PARAMS_KEY in views[0].entry:
        return read_vhap(folder, views)
    if EXPRESSION_KEY in views[0].entry:
        return read_insta(folder, views)
    raise UserError(
        f"{views[0].where} has neither {PARAMS_KEY!r} (VHAP) nor {EXPRESSION_KEY!r} (INSTA): cameras alone do not say "
        "how the head moves; track it with one of these, or use launch.py capture on the video."
    )
