"""`launch.py evaluate`: figures of a training run on held-out frames, as json, a table and sheets."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax import assets, atomic, media
from pegasus_jax.data import TEST_FRACTION, Dataset, read_dataset
from pegasus_jax.data.frames import Batch, load_frames
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import reconstruction
from pegasus_jax.evaluation.redetection import redetection
from pegasus_jax.evaluation.refine import Drive
from pegasus_jax.inference.any_avatar import AnyAvatar, AnyBaked
from pegasus_jax.inference.load import FUSED_FILE, load

_SHEET_ROWS = 8
_REDETECTION_SIZE = 256


def evaluate_run(
    workdir: pathlib.Path, *, data: Sequence[pathlib.Path] | None = None, out: pathlib.Path | None = None
) -> dict[str, Any]:
    """Measures the avatar of `workdir` on the held-out part of dataset folders (the run's own by default).

    Writes `evaluation.json` and `evaluation.md` into the work folder (or beside `out`), and a sheet per clip into its
    `figures/`. An exported `.npz` is measured too, given `data`: its figures go to a folder of its name beside it.
    So is a folder that `fuse` wrote. Returns what the json holds.

    Raises:
        UserError: the folder is no work folder, or a dataset folder does not fit.
    """
    workdir = pathlib.Path(workdir)
    is_run = workdir.is_dir() and not (workdir / FUSED_FILE).is_file()
    run = _read_run(workdir) if is_run else None
    avatar = load(workdir)
    run = run or _run_of_export(avatar, data, workdir)
    results = workdir if workdir.is_dir() else workdir.with_suffix("")
    report = {}
    for folder in data or [pathlib.Path(name) for name in run["data"]]:
        report[folder.name] = _evaluate_clip(avatar, folder, run["config"], results)
    target = pathlib.Path(out) if out else results / "evaluation.json"
    with atomic.file(target) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n")
    with atomic.file(target.with_suffix(".md")) as temporary:
        temporary.write_text(table(report))
    print(table(report))
    return report


def table(report: dict[str, dict[str, Any]]) -> str:
    """Markdown: a table with a row per clip and kind of picture, and what MediaPipe saw on the renders."""
    rows = [figures for parts in report.values() for figures in parts["pictures"].values()]
    names = list(dict.fromkeys(name for figures in rows for name in figures))
    lines = ["| clip | picture | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for clip, parts in report.items():
        for kind, figures in parts["pictures"].items():
            cells = [_cell(name, figures.get(name)) for name in names]
            lines.append(f"| {clip} | {kind} | " + " | ".join(cells) + " |")
    lines += ["", f"MediaPipe on renders of held-out frames as tracked, {_REDETECTION_SIZE} pixels:"]
    for clip, parts in report.items():
        seen = parts["redetection"]
        text = seen if isinstance(seen, str) else ", ".join(f"{name} {value:.3f}" for name, value in seen.items())
        lines.append(f"- {clip}: {text}")
    return "\n".join(lines) + "\n"


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "not computed"
    return f"{value:.2f}" if name.endswith("psnr") else f"{value:.4f}"


def _evaluate_clip(avatar: AnyAvatar, folder: pathlib.Path, config: dict, workdir: pathlib.Path) -> dict[str, Any]:
    """Under the look that the folder shows, if the avatar has it; else as filmed."""
    dataset = read_dataset(folder)
    look = dataset.look
    baked = avatar.bake(avatar.latent(look if look in avatar.looks else None))
    size = (config["image_size"], config["image_size"])
    train_rows, test_rows = dataset.split(test_fraction=config["test_fraction"])
    train, test = (load_frames(dataset, rows, image_size=size) for rows in (train_rows, test_rows))
    tracked = reconstruction.render_drive(baked, reconstruction.drive_of(test))
    refined = reconstruction.render_drive(baked, reconstruction.refined_drive(baked, test))
    pictures = {"tracked": tracked, "refined": refined, **reconstruction.stills(train, test)}
    _write_sheet(workdir / "figures" / f"evaluation_{folder.name}.png", test, pictures)
    return {
        "pictures": {kind: reconstruction.figures_of(prediction, test) for kind, prediction in pictures.items()},
        "redetection": _redetection(baked, dataset, test_rows),
    }


def _redetection(baked: AnyBaked, dataset: Dataset, rows: np.ndarray) -> dict[str, float] | str:
    """MediaPipe's view of the avatar, or what it takes to have it."""
    if assets.find("face_landmarker.task") is None:
        return "not computed: face_landmarker.task is not here; run: python launch.py assets"
    size = (_REDETECTION_SIZE, _REDETECTION_SIZE)
    cameras = jax.tree.map(lambda leaf: leaf[rows], dataset.cameras(image_size=size))
    drive = Drive(jnp.asarray(dataset.pose[rows]), jnp.asarray(dataset.expression[rows]), cameras)
    renders = np.round(255.0 * reconstruction.render_drive(baked, drive).image).astype(np.uint8)
    return redetection(renders, dataset.images(indices=rows))


def _write_sheet(path: pathlib.Path, test: Batch, pictures: dict[str, reconstruction.Pictures]) -> None:
    rows = np.linspace(0, len(test.frame) - 1, min(_SHEET_ROWS, len(test.frame))).astype(int)
    target = np.asarray(test.over_white())
    grid = [[target[row], *(prediction.image[row] for prediction in pictures.values())] for row in rows]
    sheet = media.contact_sheet(grid, labels=["ground truth", *pictures])
    media.write_image(path, sheet, disclosure=media.composed("held-out pictures beside an avatar's"))


def _run_of_export(avatar: AnyAvatar, data: Sequence[pathlib.Path] | None, path: pathlib.Path) -> dict[str, Any]:
    """What `config.json` would say of an avatar that came without one."""
    if not data:
        raise UserError(f"{path} does not say what it was trained on; name dataset folders with --data.")
    return {"data": [], "config": {"image_size": avatar.description.image_size, "test_fraction": TEST_FRACTION}}


def _read_run(workdir: pathlib.Path) -> dict[str, Any]:
    path = workdir / "config.json"
    if not path.is_file():
        raise UserError(f"{workdir} is not a work folder: it has no config.json; train first: launch.py train")
    return json.loads(path.read_text())
