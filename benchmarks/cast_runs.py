"""The rows of the paper's tables on a demo's cast: which runs stand for which method, and those that no demo makes.

    python benchmarks/cast_runs.py --demo=runs/demo --train

Zero-shot: every donor's own hair fused onto the star's avatar, at once. Swap + PA, with --train: an avatar without gc
and looks of each part-swapped clip, as if it had been filmed; some minutes each on two cores. What is there is not made
again. What ablations.py trains, runs without synthesis, without gc and of the star alone, is found in its folder.
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
from pegasus_jax.devices import set_up_process
from pegasus_jax.inference.fuse import fuse_files
from pegasus_jax.training import train

_CONFIG = pathlib.Path(__file__).parents[1] / "configs" / "demo.py"
_PLACE = "tables"  # in the demo's folder
_SIZE = 96  # pixels: of the picture that fusing leaves
_SCRIPT = Script()
_ATTRIBUTE = _SCRIPT.swaps[0][0]
_DONORS = tuple(donor for attribute, donor in _SCRIPT.swaps if attribute == _ATTRIBUTE)


@dataclasses.dataclass(frozen=True)
class Named:
    """What the tables are made from, as folders: see paper_tables.py."""

    target: str
    data: Sequence[str]
    attribute: str
    methods: Mapping[str, str]
    no_synthesis: str | None = None
    ablation: Sequence[str] = ()


def of_demo(demo: pathlib.Path, ablations: pathlib.Path | None) -> Named:
    """What there is of a demo's runs, of those made beside it, and of what ablations.py left in its folder."""
    folders = Folders(demo)
    star = folders.run(_SCRIPT.star)
    methods = {"Ours_person-gen": str(star)}
    for name, prefix in (("Ours_zero-shot", "zero_shot"), ("Ours_swap + PA", "swap_pa")):
        there = [donor for donor in _DONORS if _made(demo, prefix, donor).is_dir()]
        if there:
            methods[name] = ",".join(f"{_ATTRIBUTE}/{donor}:{_made(demo, prefix, donor)}" for donor in there)
    runs = {run.name: str(run) for run in sorted((ablations / "runs").iterdir())} if ablations else {}
    return Named(
        target=runs.get("alone", str(star)),
        data=[str(folders.clip(_SCRIPT.star)), *(str(folders.truth(_ATTRIBUTE, donor)) for donor in _DONORS)],
        attribute=_ATTRIBUTE,
        methods=methods,
        no_synthesis=runs.get("no_synthesis"),
        ablation=[runs[name] for name in ("gc_off", "gc_official", "learned") if name in runs] or [str(star)],
    )


def fuse_donors(demo: pathlib.Path) -> None:
    """Every donor's hair on the star, without training."""
    folders = Folders(demo)
    for donor in _DONORS:
        out = _made(demo, "zero_shot", donor)
        if not out.is_dir():
            source, target = folders.run(donor), folders.run(_SCRIPT.star)
            fuse_files(source, target, [_ATTRIBUTE], per_look=False, out=out, image_size=_SIZE)


def train_swaps(demo: pathlib.Path) -> None:
    """An avatar of each part-swapped clip alone; one that was stopped goes on."""
    settings = config.load_config(f"{_CONFIG}:donor")
    for donor in _DONORS:
        swapped = Folders(demo).swap(_SCRIPT.star, _ATTRIBUTE, donor)
        filmed = as_filmed(swapped, _made(demo, "swapped", donor))
        train(settings, data=[filmed], workdir=_made(demo, "swap_pa", donor))


def as_filmed(swapped: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """A copy of a part-swapped folder that does not say that it is one."""
    if not out.is_dir():
        with atomic.folder(out) as folder:
            shutil.copytree(swapped, folder, dirs_exist_ok=True)
            capture = json.loads((swapped / layout.CAPTURE_JSON).read_text())
            del capture["synthesis"]
            (folder / layout.CAPTURE_JSON).write_text(json.dumps(capture, indent=1) + "\n")
    return out


def _made(demo: pathlib.Path, prefix: str, donor: str) -> pathlib.Path:
    return demo / _PLACE / f"{prefix}_{donor}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=pathlib.Path, required=True, help="a finished demo's work folder")
    parser.add_argument("--train", action="store_true", help="also the runs that need training")
    arguments = parser.parse_args()
    fuse_donors(arguments.demo)
    if arguments.train:
        train_swaps(arguments.demo)


if __name__ == "__main__":
    set_up_process(assets.cache_folder())
    main()
