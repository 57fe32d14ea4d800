"""Runs that the paper's tables compare, made beside a finished demo: fused ones at once, trained ones with --train.

    python benchmarks/cast_runs.py --demo=runs/demo --train

Zero-shot: every donor's own hair fused onto the star's avatar. PointAvatar mode: the star's clip alone, without gc and
looks. Swap + PA: the same on a part-swapped clip as if it had been filmed. No synthesis: the star's avatar with the
donors' clips as filmed in place of part-swapped ones. Offsets: the star's avatar with gc off, and as published. What
is there is not made again. Trained with the demo's config: some minutes each, on two cores.
"""

import argparse
import dataclasses
import json
import pathlib
import shutil
from collections.abc import Mapping, Sequence

from pegasus_jax import assets, atomic, config
from pegasus_jax.data import layout
from pegasus_jax.demo.script import Folders, Script
from pegasus_jax.devices import enable_compilation_cache
from pegasus_jax.inference.fuse import fuse_files
from pegasus_jax.training import train

_CONFIG = pathlib.Path(__file__).parents[1] / "configs" / "demo.py"
_PLACE = "tables"  # in the demo's folder
_SIZE = 96  # pixels: of the picture that fusing leaves


@dataclasses.dataclass(frozen=True)
class Named:
    """What the tables are made from, as folders: see paper_tables.py."""

    target: str
    data: Sequence[str]
    attribute: str
    methods: Mapping[str, str]
    no_synthesis: str | None
    ablation: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Places:
    """Where the runs lie."""

    folders: Folders
    looks: tuple[tuple[str, str], ...]  # attribute and donor, all of one attribute

    @classmethod
    def of(cls, demo: pathlib.Path) -> "Places":
        """Those of the first attribute that the demo swaps."""
        first = Script().swaps[0][0]
        return cls(Folders(demo), tuple(swap for swap in Script().swaps if swap[0] == first))

    def run(self, name: str) -> pathlib.Path:
        """A run that is made here."""
        return self.folders.root / _PLACE / name

    def finished(self, name: str) -> bool:
        """Whether it is there: a trained one with a checkpoint, or a fused one."""
        return (self.run(name) / "checkpoints").is_dir() or (self.run(name) / "fused.npz").is_file()


def of_demo(demo: pathlib.Path) -> Named:
    """What there is of a demo's runs and of those that were made beside it."""
    places, star = Places.of(demo), Script().star
    folders, attribute = places.folders, places.looks[0][0]
    methods = {"Ours_person-gen": str(folders.run(star))}
    for name, prefix in (("Ours_zero-shot", "zero_shot"), ("Ours_swap + PA", "swap_pa")):
        there = {
            f"{a}/{donor}": f"{prefix}_{donor}" for a, donor in places.looks if places.finished(f"{prefix}_{donor}")
        }
        if there:
            methods[name] = ",".join(f"{look}:{places.run(run)}" for look, run in there.items())
    truths = [str(folders.truth(*swap)) for swap in places.looks]
    ablation = [str(places.run(name)) for name in ("gc_off", "gc_official") if places.finished(name)]
    return Named(
        target=str(places.run("pa") if places.finished("pa") else folders.run(star)),
        data=[str(folders.clip(star)), *truths],
        attribute=attribute,
        methods=methods,
        no_synthesis=str(places.run("no_synthesis")) if places.finished("no_synthesis") else None,
        ablation=[*ablation, str(folders.run(star))],
    )


def fuse_donors(places: Places) -> None:
    """Every donor's hair on the star, without training."""
    for attribute, donor in places.looks:
        if not places.finished(f"zero_shot_{donor}"):
            source, target = places.folders.run(donor), places.folders.run(Script().star)
            out = places.run(f"zero_shot_{donor}")
            fuse_files(source, target, [attribute], per_look=False, out=out, image_size=_SIZE)


def train_rivals(places: Places) -> None:
    """Everything that has to be trained; a run that was stopped goes on."""
    folders, star = places.folders, Script().star
    own = folders.clip(star)
    swapped = [folders.swap(star, *swap) for swap in Script().swaps]
    _train(places, "pa", "donor", [own])
    for attribute, donor in places.looks:
        as_filmed = _relabelled(folders.swap(star, attribute, donor), places.run(f"data/swap_pa_{donor}"))
        _train(places, f"swap_pa_{donor}", "donor", [as_filmed])
    unsynthesised = [
        _relabelled(
            folders.clip(donor),
            places.run(f"data/{attribute}_{donor}"),
            synthesis={"attribute": attribute, "donor": donor, "target": star},
            shape_of=own,
        )
        for attribute, donor in places.looks
    ]
    _train(places, "no_synthesis", "", [own, *unsynthesised])
    for gc in ("off", "official"):
        _train(places, f"gc_{gc}", "", [own, *swapped], overrides=[f"networks.gc={gc}"])


def _train(
    places: Places, name: str, variant: str, data: Sequence[pathlib.Path], *, overrides: Sequence[str] = ()
) -> None:
    settings = config.load_config(f"{_CONFIG}:{variant}" if variant else str(_CONFIG), overrides=overrides)
    train(settings, data=data, workdir=places.run(name))


def _relabelled(
    source: pathlib.Path,
    out: pathlib.Path,
    *,
    synthesis: Mapping[str, str] | None = None,
    shape_of: pathlib.Path | None = None,
) -> pathlib.Path:
    """A copy of a dataset folder that says to show another look, or none; with the shape of another folder's person."""
    if out.is_dir():
        return out
    with atomic.folder(out) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        capture = json.loads((source / layout.CAPTURE_JSON).read_text())
        capture.pop("synthesis", None)
        (folder / layout.CAPTURE_JSON).write_text(json.dumps(capture | ({"synthesis": synthesis} if synthesis else {})))
        if shape_of:
            params, other = (json.loads((where / layout.PARAMS_JSON).read_text()) for where in (source, shape_of))
            (folder / layout.PARAMS_JSON).write_text(json.dumps(params | {"shape_params": other["shape_params"]}))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=pathlib.Path, required=True, help="a finished demo's work folder")
    parser.add_argument("--train", action="store_true", help="also the runs that need training")
    arguments = parser.parse_args()
    places = Places.of(arguments.demo)
    fuse_donors(places)
    if arguments.train:
        train_rivals(places)


if __name__ == "__main__":
    enable_compilation_cache(assets.cache_folder())
    main()
