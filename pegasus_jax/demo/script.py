"""Who plays in the demo's story, how long it is, and where it keeps what it makes."""

import dataclasses
import pathlib
from typing import Any


@dataclasses.dataclass(frozen=True)
class Script:
    """Who is filmed, for how long, and who lends what."""

    star: str = "ben"
    driver: str = "ada"  # one of the donors, whose motion the star's avatar follows
    swaps: tuple[tuple[str, str], ...] = (("hair", "ada"), ("hair", "cleo"), ("hat", "eve"), ("nose", "eve"))
    wearer: str = "cleo"  # one of the donors, who gets a part of the star's avatar
    lent: tuple[str, str] = ("hair", "ada")  # one of the swaps
    frames: int = 120
    donor_frames: int = 80
    truth_every: int = 3  # of the held-out frames; of the others four times as sparse
    image_size: tuple[int, int] = (144, 144)
    video_size: int = 256  # pixels: side of the videos and sheets of what was trained
    path_steps: int = 25
    variants: tuple[str, ...] = ()  # of the config
    overrides: tuple[tuple[str, Any], ...] = ()  # of the config, by dotted names: (("seed", 1),)

    @property
    def donors(self) -> tuple[str, ...]:
        """Everybody who lends something, once each."""
        return tuple(dict.fromkeys(donor for _, donor in self.swaps))

    @staticmethod
    def look(attribute: str, donor: str) -> str:
        """What the star's avatar calls a swap."""
        return f"{attribute}/{donor}"


QUICK = Script(
    swaps=(("hair", "ada"), ("hair", "cleo")),
    frames=20,
    donor_frames=10,
    truth_every=2,
    image_size=(96, 96),
    video_size=96,
    path_steps=5,
    variants=("quick",),
)


@dataclasses.dataclass(frozen=True)
class Folders:
    """The rooms of the demo's work folder."""

    root: pathlib.Path

    @property
    def plan(self) -> pathlib.Path:
        """Of the star's swaps."""
        return self.root / "plan.json"

    def clip(self, name: str) -> pathlib.Path:
        """The clip of a person."""
        return self.root / "data" / name

    def swap(self, star: str, attribute: str, donor: str) -> pathlib.Path:
        """The star's clip with a donor's part."""
        return self.clip(f"{star}__{attribute}_{donor}")

    def truth(self, attribute: str, donor: str) -> pathlib.Path:
        """Exact pictures of the star with a donor's part."""
        return self.root / "truth" / f"{attribute}_{donor}"

    def worn(self, wearer: str, attribute: str, donor: str) -> pathlib.Path:
        """Exact pictures of somebody else with a donor's part."""
        return self.root / "truth" / f"{wearer}__{attribute}_{donor}"

    def fused(self, wearer: str) -> pathlib.Path:
        """The avatar of somebody who wears a part of the star's."""
        return self.root / "runs" / f"{wearer}_fused"

    def run(self, name: str) -> pathlib.Path:
        """The work folder of a person's avatar."""
        return self.root / "runs" / name

    def name(self, path: pathlib.Path) -> str:
        """A path as the page and the plan, which lie in the root, say it."""
        return path.relative_to(self.root).as_posix()
