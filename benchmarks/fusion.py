"""What zero-shot fusion reaches on the synthetic cast, which can render "this person with that hair" exactly.

    python benchmarks/fusion.py --demo=runs/demo --workdir=runs/fusion

Takes a finished demo. Each case puts parts of its star's avatar on a donor's, through `launch.py fuse`, and compares
held-out frames, as tracked, with exact pictures. Prints markdown and writes a sheet of each case, beside the steps that
`fuse` draws. The demo's page explains the columns that it has, too; the others: "face" is the mean absolute change of
the target's face where neither clip has hair, "flicker" the mean absolute change from frame to frame.
"""

import argparse
import dataclasses
import pathlib
import resource

import cv2
import numpy as np

from pegasus_jax import assets, media
from pegasus_jax.core.avatar import BakedLook
from pegasus_jax.data import Dataset, layout, read_dataset
from pegasus_jax.data.frames import load_frames
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import person
from pegasus_jax.demo.scores import Truth, score_wearing
from pegasus_jax.demo.script import Folders, Script
from pegasus_jax.devices import set_up_process
from pegasus_jax.evaluation.reconstruction import drive_of, render_drive
from pegasus_jax.families.points.fused import COMPOSED, FusedPointAvatar
from pegasus_jax.families.points.fusion.align import align
from pegasus_jax.flame import builtin_head
from pegasus_jax.inference import fuse_files, load
from pegasus_jax.synthesis.skull import skull_picture

_CASES = (("cleo", "hair", "ada"), ("cleo", "hair", "ben"), ("cleo", "hat", "eve"))
_STEP = 2  # of the held-out frames, every second one
_CONSECUTIVE = 12  # frames of the clip over which flicker is measured
_SHEET_ROWS = 3
_DISPLACED = np.array([0.105, 0.140, 0.0, 0.06, -0.08, 0.0], np.float32)  # 10 degrees, 0.1 head units


@dataclasses.dataclass(frozen=True)
class Case:
    """A donor of the demo who wears a part."""

    wearer: str
    attribute: str
    donor: str

    @property
    def look(self) -> str:
        return f"{self.attribute}/{self.donor}"


def main() -> None:
    """Fuses, measures and prints every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=pathlib.Path, required=True, help="what launch.py demo made")
    parser.add_argument("--workdir", type=pathlib.Path, required=True, help="where truth, avatars and sheets go")
    parser.add_argument("--cases", help="WEARER:ATTRIBUTE:DONOR, joined by commas, instead of the usual ones")
    arguments = parser.parse_args()
    set_up_process(assets.cache_folder())
    chosen = [case.split(":") for case in arguments.cases.split(",")] if arguments.cases else _CASES
    print("| case | avatar | inside | whole | holes, % | off the outline, % | face | flicker |")
    print("|---|---|---|---|---|---|---|---|")
    notes = []
    for case in (Case(*names) for names in chosen):
        fused, seconds = _fused(case, arguments.demo, arguments.workdir)
        _measure(case, fused, arguments.demo, arguments.workdir)
        notes.append(f"- {case.wearer}, {case.attribute}: {seconds}; {_realigned(fused, case)}")
    print("\n" + "\n".join(dict.fromkeys(notes)))


def _fused(case: Case, demo: pathlib.Path, workdir: pathlib.Path) -> tuple[FusedPointAvatar, str]:
    """The avatar, and the processor time that making it took."""
    out = workdir / f"{case.wearer}_{case.attribute}"
    taken = "made before"
    if not out.exists():
        folders, began = Folders(demo), resource.getrusage(resource.RUSAGE_SELF).ru_utime
        source, target = folders.run(Script.star), folders.run(case.wearer)
        fuse_files(source, target, [case.attribute], per_look=False, out=out, image_size=256)
        taken = f"{resource.getrusage(resource.RUSAGE_SELF).ru_utime - began:.0f} s of processor time with its sheet"
    fused = load(out)
    assert isinstance(fused, FusedPointAvatar)
    return fused, taken


def _measure(case: Case, fused: FusedPointAvatar, demo: pathlib.Path, workdir: pathlib.Path) -> None:
    clip = read_dataset(Folders(demo).clip(case.wearer))
    exact = _exact(case, clip, workdir)
    size = (fused.description.image_size,) * 2
    truth = Truth.read(clip, exact, image_size=size, numbers=exact.numbers)
    latent = fused.latent(case.look if case.look in fused.looks else None)
    target = fused.target.bake()
    avatars: dict[str, BakedLook] = {
        "target": target,
        "source": fused.source.bake(latent),
        "composed": fused.bake(latent, steps=COMPOSED),
        "fused": fused.bake(latent),
    }
    own = render_drive(target, drive_of(truth.own)).image
    face = _face(fused, clip, exact.numbers, truth)
    _, held_out = clip.split()
    motion = drive_of(load_frames(clip, held_out[:_CONSECUTIVE], image_size=size))
    pictures = {}
    for name, one in avatars.items():
        pictures[name] = render_drive(one, drive_of(truth.edited)).image
        figures = [*score_wearing(one, truth).values()]
        moved = np.abs(pictures[name] - own)[face].mean()
        flicker = np.abs(np.diff(render_drive(one, motion).image, axis=0)).mean()
        columns = [*(f"{value:.2f}" for value in figures), f"{moved:.4f}", f"{flicker:.4f}"]
        print(f"| {case.wearer} with {case.look} | {name} | {' | '.join(columns)} |", flush=True)
    _write_sheet(
        workdir / f"{case.wearer}__{case.attribute}_{case.donor}.png", np.asarray(truth.edited.over_white()), pictures
    )


def _exact(case: Case, clip: Dataset, workdir: pathlib.Path) -> Dataset:
    """Held-out frames of the wearer's clip with the donor's part."""
    folder = workdir / "truth" / f"{case.wearer}__{case.attribute}_{case.donor}"
    if not (folder / layout.CAPTURE_JSON).is_file():
        _, held_out = clip.split()
        script = Script()
        write_clip(
            person(case.wearer),
            folder,
            head=builtin_head(),
            num_frames=len(clip.numbers),
            image_size=clip.image_size,
            seed=1 + script.donors.index(case.wearer),
            wearing={case.attribute: person(case.donor)},
            numbers=(held_out[::_STEP] + 1).tolist(),
        )
    return read_dataset(folder)


def _face(fused: FusedPointAvatar, clip: Dataset, numbers: np.ndarray, truth: Truth) -> np.ndarray:
    """(F, H, W) bool: the head model's face where no part is in either clip."""
    rows = np.flatnonzero(np.isin(clip.numbers, numbers))
    faces = [skull_picture(fused.head, clip, int(row)).is_face for row in rows]
    side = truth.own.matte.shape[-1]
    shown = np.stack([cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) > 0.9 for face in faces])
    return shown & ~truth.region & (np.maximum(truth.own.seg, truth.edited.seg) == 0)


def _realigned(fused: FusedPointAvatar, case: Case) -> str:
    """What alignment makes of the source as it is, and from a start that is 10 degrees and 0.1 units off."""
    found = fused.alignments[case.attribute]
    look = fused.latent()
    part = fused.parts(look)[case.attribute]
    source, target = fused.source.canonical(look), fused.target.canonical()
    back = align(
        source,
        target,
        fused.betas,
        filler=part.filler,
        worn=part.worn,
        removed=part.removed,
        start=_DISPLACED,
    )
    return (
        f"d1 + d2 from {found.before[0]:.1e} to {found.after[0]:.1e} squared head units, "
        f"from the bad start {back.before:.1e} to {back.after:.1e}"
    )


def _write_sheet(path: pathlib.Path, truth: np.ndarray, pictures: dict[str, np.ndarray]) -> None:
    rows = np.linspace(0, len(truth) - 1, _SHEET_ROWS).astype(int)
    grid = [[truth[row], *(drawn[row] for drawn in pictures.values())] for row in rows]
    sheet = media.contact_sheet(grid, labels=["ground truth", *pictures])
    media.write_image(path, sheet, disclosure=media.composed("the synthetic cast beside fused avatars"))


if __name__ == "__main__":
    main()
