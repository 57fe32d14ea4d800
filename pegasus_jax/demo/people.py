"""The cast: who the synthetic people are. Every part is an object of its own, so any part fits any person.

Colours are sRGB hex strings. The people are invented. `betas` are the first shape coefficients, the rest are zero;
on the built-in head they mean face width, jaw width, chin length, head height, head depth, forehead, ear size, neck
width, nose length, width, bridge and tip, brow depth, lip fullness, mouth width, cheeks, eye spacing and eye size.
"""

import dataclasses

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import NUM_BETAS

ATTRIBUTES = ("hair", "hat", "nose", "eyes", "eyebrows", "mouth")


@dataclasses.dataclass(frozen=True)
class Skin:
    """The face's own texture; it never travels with a part."""

    tone: str
    blush: float = 0.3  # 0..1: redness of cheeks, nose tip and ears
    freckles: int = 0  # how many
    stubble: float = 0.0  # 0..1: shadow of a beard
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Eyes:
    """Irises, lids and lashes."""

    iris: str
    shadow: str = "#7a5040"  # tint of the lids
    shadow_strength: float = 0.25  # 0..1
    lashes: float = 0.5  # 0..1: darkness of the lash line


@dataclasses.dataclass(frozen=True)
class Eyebrows:
    """Painted on the face along the brow landmarks."""

    colour: str
    thickness: float = 1.0  # times an ordinary brow
    arch: float = 0.0  # head units by which the middle is lifted


@dataclasses.dataclass(frozen=True)
class Mouth:
    """Lips."""

    colour: str
    strength: float = 0.7  # 0..1: how much of it covers the skin tone


@dataclasses.dataclass(frozen=True)
class Hair:
    """A head of hair; `style` names a builder in `hair.STYLES`."""

    style: str
    colour: str = "#2a1d16"
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Hat:
    """A hat; `style` names a builder in `hats.STYLES`."""

    style: str
    colour: str
    band: str


@dataclasses.dataclass(frozen=True)
class Person:
    """One invented person."""

    name: str
    betas: tuple[float, ...]
    skin: Skin
    eyes: Eyes
    eyebrows: Eyebrows
    mouth: Mouth
    hair: Hair
    hat: Hat | None = None
    clothes: str = "#44546a"

    @property
    def shape(self) -> np.ndarray:
        """(100,) float32 betas."""
        return np.pad(np.asarray(self.betas, np.float32), (0, NUM_BETAS - len(self.betas)))


CAST: dict[str, Person] = {
    person.name: person
    for person in (
        Person(
            name="ada",
            betas=(-0.8, -0.9, -0.3, 0, 0, 0.3, -0.6, -1.2, -0.8, -0.7, -0.5, 0.8, -0.8, 0.9, 0.2, 0.6, 0.2, 0.9),
            skin=Skin("#f0c8ae", blush=0.55, freckles=70, seed=1),
            eyes=Eyes("#4f8a4c", shadow="#8a5a56", shadow_strength=0.35, lashes=0.9),
            eyebrows=Eyebrows("#6b3f22", thickness=0.8, arch=0.015),
            mouth=Mouth("#b8434f", strength=0.85),
            hair=Hair("long", "#7a3d1c", seed=1),
            clothes="#2f6f6b",
        ),
        Person(
            name="ben",
            betas=(0.7, 1.3, 0.6, 0.2, 0.2, -0.3, 0.4, 1.2, 1.0, 0.8, 1.2, -0.2, 1.2, -0.2, 0.6, -0.2, -0.2, -0.5),
            skin=Skin("#b98058", blush=0.2, stubble=0.55, seed=2),
            eyes=Eyes("#5a351b", lashes=0.5),
            eyebrows=Eyebrows("#17100c", thickness=1.5),
            mouth=Mouth("#9a5a4c", strength=0.5),
            hair=Hair("short", "#1c1512", seed=2),
            clothes="#8c2f39",
        ),
        Person(
            name="cleo",
            betas=(0.3, -0.4, -0.5, 0.4, 0.3, 0.6, -0.5, -0.7, -0.9, 1.8, -1.2, 0.4, -0.3, 1.8, 1.0, 1.0, 0.5, 0.7),
            skin=Skin("#7a4a30", blush=0.15, seed=3),
            eyes=Eyes("#2e1a10", shadow="#3b1f3f", shadow_strength=0.5, lashes=1.0),
            eyebrows=Eyebrows("#120c0a", thickness=1.0, arch=0.012),
            mouth=Mouth("#7d2f3c", strength=0.8),
            hair=Hair("curly", "#3d2618", seed=3),
            clothes="#d9a441",
        ),
        Person(
            name="dan",
            betas=(-0.2, -0.2, 1.0, -0.3, 0, 0.5, 1.6, 0.2, 1.9, 0.2, 1.8, -1.5, 0.6, -1.4, -0.4, -1.2, -0.8, -0.6),
            skin=Skin("#e8b08e", blush=0.7, freckles=12, stubble=0.25, seed=4),
            eyes=Eyes("#5b8fc7", shadow="#a0604c", lashes=0.3),
            eyebrows=Eyebrows("#8d7a68", thickness=1.1),
            mouth=Mouth("#bd6f66", strength=0.5),
            hair=Hair("bald", "#6d5a4a", seed=4),
            clothes="#3b3f46",
        ),
        Person(
            name="eve",
            betas=(0.6, -0.6, -1.1, -0.2, -0.2, 0, -0.9, -0.9, -1.5, -0.9, 0.3, 1.8, -0.9, 0.4, -0.6, 1.3, 0.9, 1.0),
            skin=Skin("#f3d3bd", blush=0.45, freckles=25, seed=5),
            eyes=Eyes("#7c9bb0", shadow="#6a6f8f", shadow_strength=0.4, lashes=0.8),
            eyebrows=Eyebrows("#a07a4a", thickness=0.7, arch=0.02),
            mouth=Mouth("#d0697a", strength=0.75),
            hair=Hair("bob", "#d8b068", seed=5),
            hat=Hat("beanie", "#b5473c", band="#e9dcc4"),
            clothes="#5c6f9b",
        ),
        Person(
            name="finn",
            betas=(-0.5, 0.5, -0.2, 0.3, -0.1, -0.5, 0.9, 0.4, 0.5, 1.3, -0.6, 1.2, 0.3, -0.7, 0.9, 0.4, -0.4, 0.2),
            skin=Skin("#d79f7b", blush=0.4, freckles=35, stubble=0.4, seed=6),
            eyes=Eyes("#8a6a2f", lashes=0.4),
            eyebrows=Eyebrows("#5a3a1e", thickness=1.2),
            mouth=Mouth("#a9605a", strength=0.5),
            hair=Hair("short", "#8a5a2c", seed=6),
            hat=Hat("brimmed", "#6b5335", band="#2c2018"),
            clothes="#4d6b3c",
        ),
    )
}


def linear_rgb(colour: str) -> np.ndarray:
    """A hex string, "#rrggbb", as linear RGB (3,) float32 in [0, 1] (sRGB's curve taken as a power of 2.2)."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return np.asarray(channels, np.float32) ** 2.2


def person(name: str) -> Person:
    """A member of the cast by name.

    Raises:
        UserError: nobody has that name.
    """
    if name not in CAST:
        raise UserError(f"Nobody in the cast is called {name!r}; there are {', '.join(CAST)}.")
    return CAST[name]
