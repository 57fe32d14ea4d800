"""The demo's page: what each stage made, in pictures, videos and figures."""

from collections.abc import Mapping
from typing import Any

from pegasus_jax.demo.page import Picture, Section, Table, Video
from pegasus_jax.demo.script import Folders, Script
from pegasus_jax.inference.run_record import read_journal

Figures = Mapping[str, Mapping[str, Any]]


def tell(script: Script, folders: Folders, pictures: Figures, scores: Mapping[str, Figures]) -> list[Section]:
    """The sections from top to bottom; `pictures` is what evaluation says of the star's clip, `scores` of the edits."""
    return [
        _edited(script),
        _filmed(script, folders),
        _swapped(script, folders, scores["swaps"]),
        _trained(script, folders, pictures),
        _measured(scores),
        _fused(script, folders, scores["fused"]),
    ]


def _edited(script: Script) -> Section:
    return Section(
        title="One person, many looks",
        text=f"{script.star} is a synthetic person, filmed by our own renderer, and so are {_and(script.donors)}. The "
        f"avatar of {script.star} has learned parts of theirs. They can be swapped, blended, sampled and put together.",
        items=[
            Picture("edits/mixed/sheet.png", "as filmed, and with parts of several people at once"),
            Video("edits/path/edit.mp4", "from one hairstyle to another and back"),
            Picture("edits/samples/sheet.png", "hair drawn at random"),
            Video("self.mp4", "its own motion"),
            Video("driven.mp4", f"{script.driver}'s motion"),
            Video("orbit.mp4", "a camera that goes round"),
        ],
    )


def _filmed(script: Script, folders: Folders) -> Section:
    sheets = [
        Picture(_last_sheet(folders, donor), f"{donor}'s avatar at frames it never saw") for donor in script.donors
    ]
    return Section(
        title="First, an avatar of everybody who lends a part",
        text="Each is trained on one clip, briefly: only a part of it will be needed.",
        items=sheets,
    )


def _swapped(script: Script, folders: Folders, figures: Figures) -> Section:
    sheets = [
        Picture(
            folders.name(folders.swap(script.star, *swap) / "figures" / "before_after.png"),
            script.look(*swap),
        )
        for swap in script.swaps
    ]
    return Section(
        title="Then, clips that nobody filmed",
        text=f"Each donor's avatar performs what {script.star} did, and its part is put into {script.star}'s pictures. "
        "PSNR in dB against the exact picture: where the part is (inside), and everywhere else (outside).",
        items=[*sheets, _table(figures)],
    )


def _trained(script: Script, folders: Folders, pictures: Figures) -> Section:
    run = folders.run(script.star)
    points = read_journal(run)[0][-1]["points"]
    return Section(
        title="Last, one avatar learns them all",
        text=f"{points} points, one code for each look. The last fifth of the clip was held out. Tracked: driven by "
        "the clip's own parameters. PSNR in dB; the foreground's leaves out the white background.",
        items=[
            Picture(
                folders.name(run / "figures" / f"evaluation_{script.star}.png"),
                "Held-out frames, and the stills to beat",
            ),
            _table(pictures),
        ],
    )


def _measured(scores: Mapping[str, Figures]) -> Section:
    return Section(
        title="Edits, measured against the exact picture",
        text="At held-out poses. Inside: where the edit shows; unedited: the avatar as filmed, there. Outside: the "
        "rest of the person. Spill: mean absolute change of the rest of the person when the look is switched.",
        items=[_table(scores[name]) for name in ("looks", "paths", "samples")],
    )


def _fused(script: Script, folders: Folders, figures: Figures) -> Section:
    sheet = folders.name(folders.fused(script.wearer) / "figures" / "steps.png")
    attribute, donor = script.lent
    return Section(
        title="A new person wears it",
        text=f"{script.wearer}'s avatar, trained on one clip, takes {attribute} from {script.star}'s without training: "
        f"points of the two are put together. The table compares {script.wearer} with {donor}'s {attribute} with exact "
        "pictures, at poses that training never saw: PSNR in dB inside, where the edit shows, and of whole pictures; "
        "holes in percent of the true silhouette.",
        items=[
            Picture(sheet, "source, target, and what each step adds"),
            Video("fused.mp4", f"{script.wearer} with {donor}'s {attribute}"),
            _table(figures),
        ],
    )


def _last_sheet(folders: Folders, name: str) -> str:
    newest = max((folders.run(name) / "figures").glob("held_out_*.png"))
    return folders.name(newest)


def _table(figures: Figures) -> Table:
    columns = ["", *next(iter(figures.values()))]
    return Table(columns, [[name, *values.values()] for name, values in figures.items()])


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
