"""`launch.py demo`: the whole pipeline on the synthetic cast, told as a page and scored against exact truth."""

import json
import pathlib
from typing import Any

from pegasus_jax import atomic, config
from pegasus_jax.data import layout, read_dataset
from pegasus_jax.demo import chapters, page, scores
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import person
from pegasus_jax.demo.script import Folders, Script
from pegasus_jax.editing import Composition, Interpolation, Recipe, Sampling
from pegasus_jax.evaluation.protocols.reconstruction import Reconstruction
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.flame import builtin_head
from pegasus_jax.inference import FusedAvatar, fuse_files, load, render_clip, render_edit
from pegasus_jax.inference.fused import COMPOSED
from pegasus_jax.synthesis.plan import run_plan
from pegasus_jax.training import train

_CONFIG = pathlib.Path(__file__).parents[2] / "configs" / "demo.py"
_VIDEO_SIZE = 256
_SHEET_SIZE = 192
_PATH_STEPS = 25
_SAMPLES = 5


def run_demo(workdir: pathlib.Path, *, script: Script = Script()) -> pathlib.Path:
    """Films the cast, trains donors, swaps parts, trains the star on all of it, edits and scores; returns the page.

    Run again, it continues where it stopped.

    Raises:
        UserError: the folder holds something else, or was made with another config.
    """
    folders = Folders(pathlib.Path(workdir))
    _film(script, folders)
    for donor in script.donors:
        _train(script, folders, donor, ["donor"], [folders.clip(donor)])
    _swap(script, folders)
    clips = [folders.clip(script.star), *(folders.swap(script.star, *swap) for swap in script.swaps)]
    _train(script, folders, script.star, [], clips)
    as_tracked = Reconstruction(refined=False)  # the cast's poses are exact, and refining takes a minute
    report = evaluate_run(folders.run(script.star), protocol=as_tracked, data=[folders.clip(script.star)])
    _render(script, folders)
    _fuse(script, folders)
    found = _score(script, folders)
    sections = chapters.tell(script, folders, report.figures("pictures"), found)
    return page.write_page(folders.root, title="PEGASUS-JAX: head avatars that change their parts", sections=sections)


def _film(script: Script, folders: Folders) -> None:
    """Everybody's own clip, and exact pictures of the star's swaps for the scores."""
    for seed, name in enumerate((script.star, *script.donors)):
        frames = script.frames if name == script.star else script.donor_frames
        _write_clip(script, folders.clip(name), name, frames=frames, seed=seed)
    _, held_out = read_dataset(folders.clip(script.star)).split()
    numbers = [*range(1, held_out[0] + 1, 4 * script.truth_every), *(held_out[:: script.truth_every] + 1).tolist()]
    for attribute, donor in script.swaps:
        wearing = {attribute: person(donor)}
        folder = folders.truth(attribute, donor)
        _write_clip(script, folder, script.star, frames=script.frames, seed=0, wearing=wearing, numbers=numbers)
    _film_wearer(script, folders)


def _film_wearer(script: Script, folders: Folders) -> None:
    """Exact pictures of the one who wears a part of the star's avatar, at frames that training never sees."""
    attribute, donor = script.lent
    _, held_out = read_dataset(folders.clip(script.wearer)).split()
    numbers = (held_out[:: script.truth_every] + 1).tolist()
    folder, seed = folders.worn(script.wearer, *script.lent), 1 + script.donors.index(script.wearer)
    wearing = {attribute: person(donor)}
    _write_clip(script, folder, script.wearer, frames=script.donor_frames, seed=seed, wearing=wearing, numbers=numbers)


def _write_clip(script: Script, folder: pathlib.Path, name: str, *, frames: int, seed: int, **how: Any) -> None:
    if not (folder / layout.CAPTURE_JSON).is_file():
        head, size = builtin_head(), script.image_size
        write_clip(person(name), folder, head=head, num_frames=frames, image_size=size, seed=seed, **how)


def _train(script: Script, folders: Folders, name: str, variants: list[str], data: list[pathlib.Path]) -> None:
    variant = ",".join([*variants, *script.variants])
    settings = config.load_config(f"{_CONFIG}:{variant}" if variant else str(_CONFIG))
    train(settings, data=data, workdir=folders.run(name))


def _swap(script: Script, folders: Folders) -> None:
    """The star's clip with each donor's part, as a plan that `launch.py synthesize --plan` would take as well."""
    jobs = [
        {
            "target": folders.name(folders.clip(script.star)),
            "donor": folders.name(folders.run(donor)),
            "attribute": attribute,
            "out": folders.name(folders.swap(script.star, attribute, donor)),
        }
        for attribute, donor in script.swaps
    ]
    plan = folders.root / "plan.json"
    with atomic.file(plan) as temporary:
        temporary.write_text(json.dumps(jobs, indent=1) + "\n")
    run_plan(plan)


def _render(script: Script, folders: Folders) -> None:
    """Videos of the star as filmed, and of every kind of edit."""
    run = folders.run(script.star)
    clip, motion = folders.clip(script.star), folders.clip(script.driver)
    for name, drive, orbit in (("self", clip, False), ("driven", motion, False), ("orbit", None, True)):
        render_clip(run, drive=drive, orbit=orbit, out=folders.root / f"{name}.mp4", image_size=_VIDEO_SIZE)
    for name, recipe in edits(script).items():
        out = folders.root / "edits" / name
        if not out.exists():
            render_edit(run, recipe, look=None, drive=None, out=out, image_size=_VIDEO_SIZE)


def _fuse(script: Script, folders: Folders) -> None:
    """The wearer's avatar with the part from the star's, and a video of it."""
    out, look = folders.fused(script.wearer), script.look(*script.lent)
    if not out.exists():
        source, target = folders.run(script.star), folders.run(script.wearer)
        fuse_files(source, target, [script.lent[0]], per_look=False, out=out, image_size=_SHEET_SIZE)
    clip = folders.clip(script.wearer)
    render_clip(out, drive=clip, orbit=False, out=folders.root / "fused.mp4", image_size=_VIDEO_SIZE, look=look)


def edits(script: Script) -> dict[str, Recipe]:
    """What the page shows of editing: parts of several donors at once, a path between looks, looks drawn at random."""
    mixed = {attribute: script.look(attribute, donor) for attribute, donor in reversed(script.swaps)}
    mixed.pop("hat", None)
    return {
        "mixed": Composition(mixed),
        "path": Interpolation(_path(script), steps=_PATH_STEPS, ping_pong=True),
        "samples": Sampling([script.swaps[0][0]], count=_SAMPLES, seed=0),
    }


def _path(script: Script) -> dict[str, tuple[str, str]]:
    """From the first to the last look of the first attribute, or to it from the star's own if it is the only one."""
    category = script.swaps[0][0]
    ends = [script.look(attribute, donor) for attribute, donor in script.swaps if attribute == category]
    return {category: (ends[0] if len(ends) > 1 else script.star, ends[-1])}


def held_out_truths(script: Script, folders: Folders, *, image_size: tuple[int, int]) -> dict[str, scores.Truth]:
    """For each look, frames of the star's clip that training never saw, exact with and without the part."""
    own = read_dataset(folders.clip(script.star))
    _, held_out = own.split()
    return {
        script.look(*swap): scores.Truth.read(
            own, read_dataset(folders.truth(*swap)), image_size=image_size, numbers=own.numbers[held_out]
        )
        for swap in script.swaps
    }


def _score(script: Script, folders: Folders) -> dict[str, dict[str, dict[str, float]]]:
    """Tables of figures by their names; also written to `scores.json`."""
    own = read_dataset(folders.clip(script.star))
    avatar = load(folders.run(script.star))
    truths = held_out_truths(script, folders, image_size=(avatar.description.image_size,) * 2)
    swapped = {
        script.look(*swap): scores.score_swap(
            read_dataset(folders.swap(script.star, *swap)), own, read_dataset(folders.truth(*swap))
        )
        for swap in script.swaps
    }
    looks = {look: scores.score_look(avatar, look, truth) for look, truth in truths.items()}
    first = script.swaps[0][0]
    of_first = [truth for look, truth in truths.items() if look.startswith(f"{first}/")]
    tables = {
        "swaps": swapped,
        "looks": looks,
        "paths": {first: scores.score_path(avatar, _path(script), of_first[0])},
        "samples": {first: scores.score_samples(avatar, first, of_first)},
        "fused": _score_fused(script, folders),
    }
    with atomic.file(folders.root / "scores.json") as temporary:
        temporary.write_text(json.dumps(tables, indent=1) + "\n")
    return tables


def _score_fused(script: Script, folders: Folders) -> dict[str, dict[str, float]]:
    """The wearer without and with the part, and the part merely put on."""
    wearer, exact = (
        read_dataset(at) for at in (folders.clip(script.wearer), folders.worn(script.wearer, *script.lent))
    )
    fused = load(folders.fused(script.wearer))
    assert isinstance(fused, FusedAvatar)
    size = (fused.description.image_size,) * 2
    truth = scores.Truth.read(wearer, exact, image_size=size, numbers=exact.numbers)
    worn = fused.latent(script.look(*script.lent))
    baked = {"unedited": fused.target.bake(), "composed": fused.bake(worn, steps=COMPOSED), "fused": fused.bake(worn)}
    return {name: scores.score_wearing(one, truth) for name, one in baked.items()}
