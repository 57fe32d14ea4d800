"""Fills tables shaped like the PEGASUS paper's, for the synthetic cast or for any runs, beside the published figures.

    python benchmarks/paper_tables.py --demo=runs/demo --out=benchmarks/TABLES.md
    python benchmarks/paper_tables.py --target=runs/me --data=data/me,data/me__hair_ada --attribute=hair \
        --method='Ours_person-gen=runs/me_generative' --method='Ours_zero-shot=runs/me_with_hair' \
        --method='Ours_swap + PA=hair/ada:runs/me_as_ada' --ablation=runs/gc_off,runs/gc_learned \
        --no_synthesis=runs/me_unsynthesised --out=tables.md

A method is a run with looks of the attribute, or LOOK:RUN,LOOK:RUN of runs that know one look each. `--target` is the
unedited avatar, and the first folder of `--data` its own clip; those that show looks are what they are compared with.
With --demo all of this is what a finished demo holds, what cast_runs.py has made beside it, and with --ablations what
ablations.py has. What has no run has no figures. What is drawn at random is seeded: on one machine the same command
writes the same numbers.
"""

import argparse
import dataclasses
import datetime
import os
import pathlib
import shlex
import sys
from collections.abc import Mapping, Sequence

import cast_runs
import jax
import published_figures

import pegasus_jax as pj
from pegasus_jax import assets, atomic
from pegasus_jax.devices import set_up_process
from pegasus_jax.evaluation.methods import Edit, Stage, measured
from pegasus_jax.evaluation.protocols.generative import Generative
from pegasus_jax.evaluation.protocols.offsets import Offsets
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table

Figures = Mapping[str, Mapping[str, Figure]]
_GC_ROWS = {"off": "no gc, sc", "learned": "gc, sc", "official": "gc as published, sc"}
_UNSYNTHESISED = {"swapped": "no synthesis, latent swap", "interpolated": "no synthesis, latent interpolation"}
_SYNTHESISED = {"interpolated": "synthesis, latent interpolation", "sampled": "synthesis, latent sampling"}


_EDITS = (
    "Looks of the attribute in held-out frames that follow each other, against the unedited avatar in the same poses; "
    "FID and KID against the clip's own frames. The landmarks' shape and dlib's face descriptor are distances: lower "
    "is more alike."
)
_UNSEEN = "The protocol `generative`, for the attribute's looks; the ends of a path are among its pictures."
_ALL_CLIPS = "The protocol `offsets`: held-out frames of all of a run's clips, part-swapped ones too."
_MATCHED = (
    "The frames of main table 1; L2, LPIPS and PSNR, of values in [0, 1], inside the attribute in `frames` held-out "
    "frames of clips that show it. Change: from frame to frame, over that of the frames themselves."
)
_HAIR = ("fid", "kid", "arcface", "dlib_distance", "landmark_shape", "looks", "pictures")
_CODES = (*_HAIR, "l1_length", "l1_largest_step")
_OFFSETS = ("psnr", "ssim", "lpips", "clips", "frames")
_CONSISTENCY = ("tl_id", "tg_id", "dlib_adjacent", "masked_l2", "masked_lpips", "masked_psnr", "change_ratio", "frames")


@dataclasses.dataclass(frozen=True)
class Runs:
    """Everything that the tables are made from."""

    target: Subject  # the unedited avatar; its driver is the person's own clip
    attribute: str
    methods: Mapping[str, Sequence[Edit]]
    synthesis: Subject | None  # the generative avatar
    no_synthesis: Subject | None  # the same, of donors' clips as filmed
    ablation: Sequence[Subject]


def tables(runs: Runs, *, frames: int, image_size: int, generative: Generative) -> dict[str, Table]:
    """The four tables by their titles; figures of ours, and in columns that say so those that were published."""
    stage = Stage.of(runs.target, frames=frames, image_size=image_size)
    methods = {name: measured(edits, stage) for name, edits in runs.methods.items()}
    codes = {**_generated(runs.no_synthesis, _UNSYNTHESISED, runs.attribute, generative)}
    codes |= _generated(runs.synthesis, _SYNTHESISED, runs.attribute, generative)
    offsets = [Offsets().measure(subject)["offsets"].rows[0] for subject in runs.ablation]
    ablation = {_GC_ROWS[row.names[0]]: row.figures for row in offsets}
    return {
        "Main table 1: a transferred attribute": _table(_EDITS, "method", methods, _HAIR, published_figures.HAIR),
        "Main table 2: unseen codes": _table(_UNSEEN, "codes", codes, _CODES, published_figures.GENERATIVE),
        "Main table 3: offsets": _table(_ALL_CLIPS, "offsets", ablation, _OFFSETS, published_figures.OFFSETS),
        "Supplement table 1: consistency": _table(
            _MATCHED, "method", methods, _CONSISTENCY, published_figures.CONSISTENCY
        ),
    }


def _generated(
    subject: Subject | None, names: Mapping[str, str], attribute: str, protocol: Generative
) -> dict[str, Mapping[str, Figure]]:
    """Rows of main table 2: `names` by kind of look."""
    rows = protocol.measure(subject)["generative"].rows if subject else ()
    return {names[row.names[1]]: row.figures for row in rows if row.names[0] == attribute and row.names[1] in names}


def _table(about: str, header: str, found: Figures, columns: tuple[str, ...], published: Figures) -> Table:
    """Our columns, then the published ones; rows in the published order, then those that the paper has not."""
    rows = []
    for name in dict.fromkeys([*published, *found]):
        ours = {column: found[name][column] for column in columns if column in found.get(name, {})}
        theirs = {f"published {column}": value for column, value in published.get(name, {}).items()}
        rows.append(Row((name,), {**ours, **theirs}))
    return Table(about, (header,), tuple(rows), leading=columns)


def _edits(text: str, attribute: str) -> list[Edit]:
    """What a method on the command line means: RUN, or LOOK:RUN and so on."""
    edits = []
    for part in text.split(","):
        look, _, folder = part.rpartition(":")
        avatar = pj.load(folder)
        looks = [look] if look else [name for name in avatar.looks[1:] if name.startswith(f"{attribute}/")]
        known = {name: name if name in avatar.looks else None for name in looks}
        edits += [Edit(name, avatar.bake(avatar.latent(own))) for name, own in known.items()]
    return edits


def _runs(named: cast_runs.Named) -> Runs:
    """Opens what was named."""
    data = [pathlib.Path(folder) for folder in named.data]
    generative = named.methods.get("Ours_person-gen")
    return Runs(
        target=Subject.open(pathlib.Path(named.target), data=data),
        attribute=named.attribute,
        methods={name: _edits(text, named.attribute) for name, text in named.methods.items()},
        synthesis=Subject.open(pathlib.Path(generative), data=data) if generative else None,
        no_synthesis=Subject.open(pathlib.Path(named.no_synthesis), data=data) if named.no_synthesis else None,
        ablation=[Subject.open(pathlib.Path(folder)) for folder in named.ablation],
    )


def _page(found: Mapping[str, Table], protocol: Generative, *, frames: int, image_size: int) -> str:
    """The tables with command, date and hardware."""
    counts = ", ".join(f"{name} {value}" for name, value in dataclasses.asdict(protocol).items() if value != "")
    lines = [
        "# Tables shaped like the paper's",
        "",
        f"    python {shlex.join(sys.argv)}",
        "",
        f"{datetime.date.today()}, {jax.devices()[0].device_kind} ({os.cpu_count()} cores), JAX {jax.__version__}. "
        f"{frames} held-out frames at {image_size} pixels; unseen codes: {counts}. docs/evaluation.md says what each "
        "figure is. The published ones are of other people and other data: compare them with each other, not with "
        "ours. An empty cell: there was no such run, or the paper has no such row.",
    ]
    for title, table in found.items():
        lines += ["", f"## {title}", "", table.markdown().rstrip()]
    here = str(assets.search_folders()[0])  # of no interest to others
    return "\n".join(lines).replace(here, "$PEGASUS_ASSETS") + "\n"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=pathlib.Path, help="a finished demo's work folder; no runs are named then")
    parser.add_argument("--ablations", type=pathlib.Path, help="the folder that ablations.py left beside that demo")
    parser.add_argument("--target", help="the unedited avatar's work folder")
    parser.add_argument("--data", type=lambda text: text.split(","), default=[], help="dataset folders")
    parser.add_argument("--attribute", default="hair")
    parser.add_argument("--method", action="append", default=[], help="NAME=RUN or NAME=LOOK:RUN,LOOK:RUN")
    parser.add_argument("--no_synthesis", help="a generative run of donors' clips as filmed")
    parser.add_argument("--ablation", type=lambda text: text.split(","), default=[], help="runs that differ in gc")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--image_size", type=int, default=256)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("benchmarks/TABLES.md"))
    arguments = parser.parse_args(words)
    if not arguments.demo and not arguments.target:
        parser.error("give --demo, or --target and --data")
    named = cast_runs.of_demo(arguments.demo, arguments.ablations) if arguments.demo else _named(arguments)
    protocol = Generative(image_size=arguments.image_size)
    sizes = {"frames": arguments.frames, "image_size": arguments.image_size}
    found = tables(_runs(named), generative=protocol, **sizes)
    with atomic.file(arguments.out) as temporary:
        temporary.write_text(_page(found, protocol, **sizes))


def _named(arguments: argparse.Namespace) -> cast_runs.Named:
    return cast_runs.Named(
        target=arguments.target,
        data=arguments.data,
        attribute=arguments.attribute,
        methods=dict(method.split("=", 1) for method in arguments.method),
        no_synthesis=arguments.no_synthesis,
        ablation=arguments.ablation,
    )


if __name__ == "__main__":
    set_up_process(assets.cache_folder())
    main()
