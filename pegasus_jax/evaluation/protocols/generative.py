"""How good are looks that nobody filmed? Swapped, interpolated and sampled ones: main table 2, PERSE tables 2 and 3.

PERSE (B.2): 200 random pairs of each category, 9 evenly spaced places, 5 poses, FID and KID against FFHQ with its
background matted out: --config.pairs=200 --config.reference=FOLDER. How many looks PEGASUS takes it does not say.
"""

import dataclasses
import itertools

import numpy as np

from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.latents import Latent
from pegasus_jax.data import pictures
from pegasus_jax.editing import Interpolation, Look, Sampling
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.gallery import Gallery, Judges
from pegasus_jax.evaluation.protocols.protocol import check_counts
from pegasus_jax.evaluation.reconstruction import render_drive
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table
from pegasus_jax.evaluation.weights import NotComputed
from pegasus_jax.paths import expanded

_PICTURES = (".png", ".jpg", ".jpeg")
_ABOUT = (
    "Looks in held-out poses. FID and KID: against {reference}. Identity: against the person as filmed in the same "
    "pose; faces: pictures in which both have one. Interpolated: means over paths in one pose; PPL and PDV by LPIPS; "
    "l1_length: the sum of mean absolute steps; l1_largest_step: the largest of them over the mean one."
)


@dataclasses.dataclass(frozen=True)
class Generative:
    """Settings."""

    seed: int = 0  # of pairs and samples
    pairs: int = 4  # of each category: ends of paths, the person's own code among them; all where there are fewer
    steps: int = 9  # pictures of a path, its ends included
    samples: int = 8  # random looks of each category
    poses: int = 5  # held-out frames of the driving clip, at equal distances
    image_size: int = 256  # pixels: side of the pictures compared
    reference: str = ""  # a folder of pictures on white; the driving clip's own frames without it
    reference_pictures: int = 1_000  # at most

    def __post_init__(self):
        check_counts(self, "pairs", "samples", "poses", "image_size", "reference_pictures")
        if self.steps < 2:
            raise UserError(f"--config.steps must be 2 or more, as a path has two ends; got {self.steps}.")

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Generative: rows by category and kind of look.

        Raises:
            UserError: the avatar has no looks besides the person as filmed, or the reference holds no pictures.
        """
        categories = tuple(dict.fromkeys(subject.avatar.trained_looks.categories))
        if not categories:
            raise UserError("This avatar has no looks besides the person as filmed; evaluate a generative one.")
        judges = Judges.found()
        reference = judges.features(self._reference(subject))
        rows = subject.rows(subject.driver, count=self.poses)
        drive = subject.drive(subject.driver, rows, image_size=self.image_size)
        plain = judges.observer.look(render_drive(subject.as_filmed(), drive).image)
        found = []
        for category in categories:
            for kind, paths in self._paths(subject.avatar, category).items():
                gallery = Gallery(judges, plain)
                for path in paths:
                    gallery.hang([render_drive(subject.avatar.bake(latent), drive).image for latent in path])
                few: dict[str, Figure] = {"looks": NotComputed(f"two looks of {category}")}
                found.append(Row((category, kind), gallery.figures(reference) if paths else few))
        about = _ABOUT.format(reference=self.reference or "the driving clip's own frames")
        return {"generative": Table(about, ("category", "kind"), tuple(found))}

    def _paths(self, avatar: Avatar, category: str) -> dict[str, list[list[Latent]]]:
        """By kind of look, paths of latents; of single looks, paths of one."""
        trained = avatar.trained_looks
        start = Look(avatar.looks[0], avatar.latent())
        names = [name for name, own in zip(trained.names[1:], trained.categories) if own == category]
        sampling = Sampling([category], count=self.samples, seed=self.seed)
        drawn = sampling.looks(trained, start) if len(names) > 1 else []
        return {
            "swapped": [[avatar.latent(None, **{category: name})] for name in names],
            "interpolated": [
                [look.latent for look in Interpolation({category: pair}, steps=self.steps).looks(trained, start)]
                for pair in self._pairs(avatar, category, names)
            ],
            "sampled": [[look.latent] for look in drawn],
        }

    def _pairs(self, avatar: Avatar, category: str, names: list[str]) -> list[tuple[str, str]]:
        """Some pairs of different codes, the same ones every time."""
        every = (avatar.looks[0], *names)
        codes = {name: np.asarray(avatar.latent(None, **{category: name})[category]) for name in every}
        apart = [pair for pair in itertools.combinations(codes, 2) if (codes[pair[0]] != codes[pair[1]]).any()]
        chosen = np.random.default_rng(self.seed).permutation(len(apart))[: self.pairs]
        return [apart[index] for index in sorted(chosen)]

    def _reference(self, subject: Subject) -> np.ndarray:
        """(M, H, W, 3) in [0, 1]."""
        if not self.reference:
            clip = subject.driver
            rows = np.arange(len(clip))[: self.reference_pictures]
            return np.asarray(subject.frames(clip, rows, image_size=self.image_size).over_white())
        folder = expanded(self.reference)
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)
        if len(paths) < 2:
            raise UserError(
                f"--config.reference={folder} holds fewer than two pictures; name a folder of PNGs or JPEGs."
            )
        size = (self.image_size, self.image_size)
        some = [pictures.read_rgb(path, image_size=size) for path in paths[: self.reference_pictures]]
        return np.stack(some).astype(np.float32) / 255.0
