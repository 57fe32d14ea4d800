"""`launch.py demo`: the whole pipeline on the synthetic cast, told as a page and scored against exact truth."""

import functools
import json
import pathlib
from typing import Any

from pegasus_jax import atomic, config, jobs
from pegasus_jax.data import layout, read_dataset
from pegasus_jax.demo import chapters, page, scores
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import person
from pegasus_jax.demo.script import Folders, Script
from pegasus_jax.editing import Composition, Interpolation, Recipe, Sampling
from pegasus_jax.evaluation.protocols.reconstruction import Reconstruction
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.flame import builtin_head
from pegasus_jax.helper import with_help
from pegasus_jax.inference import fuse_files, load, render_clip, render_edit
from pegasus_jax.synthesis.plan import run_plan
from pegasus_jax.training import train
from pegasus_jax.training.workdir import is_finished

_CONFIG = config.own_folder() / "demo.py"
_SHEET_SIZE = 192
_SAMPLES = 5


def run_demo(workdir: pathlib.Path, *, script: Script = Script()) -> pathlib.Path:
    """Films the cast, trains donors, swaps parts, trains the star on all of it, edits and scores; returns the page.

    Run again, it continues where it stopped.

    Raises:
        UserError: the folder holds something else, or was made with another config.
    """
    folders = Folders(pathlib.Path(workdir))
    with_help(_film_and_train_donors, script, folders)
    _plan_swaps(script, folders)
    with_help(run_plan, folders.plan)
    clips = [folders.clip(script.star), *(folders.swap(script.star, *swap) for swap in script.swaps)]
    train(_settings(script), data=clips, workdir=folders.run(script.star))
    with_help(_show, script, folders)
    as_tracked = Reconstruction(retracked=False)  # the cast's poses are exact, and re-tracking takes a minute
    report = evaluate_run(folders.run(script.star), protocol=as_tracked, data=[folders.clip(script.star)])
    found = _score(script, folders)
    sections = chapters.tell(script, folders, report.figures("pictures"), found)
    return page.write_page(folders.root, title="PEGASUS-JAX: head avatars that change their parts", sections=sections)


def _film_and_train_donors(script: Script, folders: Folders) -> None:
    """The jobs before any swap. The star's comes second: filming goes well beside the first avatar's compiling."""
    first, *others = (_donor_job(script, folders, name) for name in script.donors)
    star = folders.clip(script.star)
    truths = [folders.truth(*swap) for swap in script.swaps]
    film = jobs.Job(star, lambda: all(map(_is_filmed, (star, *truths))), lambda: _film_star(script, folders))
    jobs.run([first, film, *others])


def _donor_job(script: Script, folders: Folders, name: str) -> jobs.Job:
    """A donor's clip, pictures of it with the lent part if it is the wearer, and its avatar."""
    clip, run, settings = folders.clip(name), folders.run(name), _settings(script, "donor")

    def do() -> None:
        _write_clip(script, clip, name, frames=script.donor_frames, seed=_seed(script, name))
        if name == script.wearer:
            _film_wearer(script, folders)
        train(settings, data=[clip], workdir=run)

    return jobs.Job(run, lambda: is_finished(run, config=settings.to_dict()), do)


def _film_star(script: Script, folders: Folders) -> None:
    """The star's own clip, and exact pictures of its swaps for the scores."""
    own = folders.clip(script.star)
    _write_clip(script, own, script.star, frames=script.frames, seed=_seed(script, script.star))
    _, held_out = read_dataset(own).split()
    numbers = [*range(1, held_out[0] + 1, 4 * script.truth_every), *(held_out[:: script.truth_every] + 1).tolist()]
    for attribute, donor in script.swaps:
        folder, how = folders.truth(attribute, donor), {"wearing": {attribute: person(donor)}, "numbers": numbers}
        _write_clip(script, folder, script.star, frames=script.frames, seed=_seed(script, script.star), **how)


def _film_wearer(script: Script, folders: Folders) -> None:
    """Exact pictures of the one who wears a part of the star's avatar, at frames that training never sees."""
    attribute, donor = script.lent
    _, held_out = read_dataset(folders.clip(script.wearer)).split()
    how = {"wearing": {attribute: person(donor)}, "numbers": (held_out[:: script.truth_every] + 1).tolist()}
    folder, seed = folders.worn(script.wearer, *script.lent), _seed(script, script.wearer)
    _write_clip(script, folder, script.wearer, frames=script.donor_frames, seed=seed, **how)


def _seed(script: Script, name: str) -> int:
    """Of a person's movement."""
    return (script.star, *script.donors).index(name)


def _is_filmed(clip: pathlib.Path) -> bool:
    return (clip / layout.CAPTURE_JSON).is_file()


def _write_clip(script: Script, folder: pathlib.Path, name: str, *, frames: int, seed: int, **how: Any) -> None:
    if not _is_filmed(folder):
        head, size = builtin_head(), script.image_size
        write_clip(person(name), folder, head=head, num_frames=frames, image_size=size, seed=seed, **how)


def _settings(script: Script, *variants: str) -> config.ConfigDict:
    chosen = ",".join([*variants, *script.variants])
    settings = config.load_config(f"{_CONFIG}:{chosen}" if chosen else str(_CONFIG))
    with settings.unlocked():
        settings.update_from_flattened_dict(dict(script.overrides))
    return settings


def _plan_swaps(script: Script, folders: Folders) -> None:
    """Writes how the star's clip gets each donor's part; `launch.py synthesize --plan` would take it as well."""
    plan = [
        {
            "target": folders.name(folders.clip(script.star)),
            "donor": folders.name(folders.run(donor)),
            "attribute": attribute,
            "out": folders.name(folders.swap(script.star, attribute, donor)),
        }
        for attribute, donor in script.swaps
    ]
    with atomic.file(folders.plan) as temporary:
        temporary.write_text(json.dumps(plan, indent=1) + "\n")


def _show(script: Script, folders: Folders) -> None:
    """The jobs that show what was trained: a fused avatar, videos of the star as filmed, and every kind of edit."""
    run, clip, motion = folders.run(script.star), folders.clip(script.star), folders.clip(script.driver)

    def edit(out: pathlib.Path, recipe: Recipe) -> None:
        render_edit(run, recipe, look=None, drive=None, out=out, image_size=script.video_size)

    found = [_fuse_job(script, folders)]
    for name, drive in (("self", clip), ("driven", motion), ("orbit", None)):
        out, size = folders.root / f"{name}.mp4", script.video_size
        show = functools.partial(render_clip, run, drive=drive, orbit=drive is None, out=out, image_size=size)
        found.append(jobs.Job(out, out.is_file, show))
    for name, recipe in edits(script).items():
        out = folders.root / "edits" / name
        found.append(jobs.Job(out, out.is_dir, functools.partial(edit, out, recipe)))
    jobs.run(found)


def _fuse_job(script: Script, folders: Folders) -> jobs.Job:
    """The wearer's avatar with the part from the star's, and a video of it."""
    avatar, video = folders.fused(script.wearer), folders.root / "fused.mp4"

    def do() -> None:
        if not avatar.exists():
            source, target = folders.run(script.star), folders.run(script.wearer)
            fuse_files(source, target, [script.lent[0]], per_look=False, out=avatar, image_size=_SHEET_SIZE)
        drive, look = folders.clip(script.wearer), script.look(*script.lent)
        render_clip(avatar, drive=drive, orbit=False, out=video, image_size=script.video_size, look=look)

    return jobs.Job(avatar, video.is_file, do)


def edits(script: Script) -> dict[str, Recipe]:
    """What the page shows of editing: parts of several donors at once, a path between looks, looks drawn at random."""
    mixed = {attribute: script.look(attribute, donor) for attribute, donor in reversed(script.swaps)}
    mixed.pop("hat", None)
    return {
        "mixed": Composition(mixed),
        "path": Interpolation(_path(script), steps=script.path_steps, ping_pong=True),
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
    size = (fused.description.image_size,) * 2
    truth = scores.Truth.read(wearer, exact, image_size=size, numbers=exact.numbers)
    worn = fused.latent(script.look(*script.lent))
    baked = {
        "unedited": fused.as_filmed(),
        "composed": fused.bake_step(worn, fused.fusing_steps[0]),
        "fused": fused.bake(worn),
    }
    return {name: scores.score_wearing(one, truth) for name, one in baked.items()}
