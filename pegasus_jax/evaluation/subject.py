"""What is measured: an avatar, and the dataset folders that it is measured on."""

import dataclasses
import pathlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.latents import Latent
from pegasus_jax.core.motion import Motion
from pegasus_jax.data import TEST_FRACTION, Dataset, read_dataset
from pegasus_jax.data.frames import Batch, load_frames
from pegasus_jax.errors import UserError
from pegasus_jax.inference.load import FUSED_FILE, load
from pegasus_jax.inference.run_record import read_run


@dataclasses.dataclass(frozen=True)
class Subject:
    """An avatar with the dataset folders that it is measured on, the end of each held out."""

    avatar: Avatar
    clips: tuple[Dataset, ...]
    image_size: int  # side of the pictures compared, pixels
    test_fraction: float
    results: pathlib.Path  # the folder that reports go to
    run: pathlib.Path | None = None  # the work folder of its training; None for exported and fused avatars
    trained_on: frozenset[pathlib.Path] = frozenset()  # the dataset folders of that training, resolved

    @classmethod
    def open(cls, path: pathlib.Path, *, data: Sequence[pathlib.Path] | None = None) -> "Subject":
        """The avatar of a work folder, a folder that `fuse` wrote, or an `.npz`; with its run's own data by default.

        Raises:
            UserError: it is none of these, it does not say what it was trained on, or a dataset folder does not fit.
        """
        is_run = path.is_dir() and not (path / FUSED_FILE).is_file()
        run = read_run(path) if is_run else None
        avatar = load(path)
        if not run and not data:
            raise UserError(f"{path} does not say what it was trained on; name dataset folders with --data.")
        clips = tuple(read_dataset(folder) for folder in data or (run.data if run else ()))
        return cls(
            avatar=avatar,
            clips=clips,
            image_size=run.image_size if run else avatar.description.image_size,
            test_fraction=run.test_fraction if run else TEST_FRACTION,
            results=path if path.is_dir() else path.with_suffix(""),
            run=path if is_run else None,
            trained_on=frozenset(folder.resolve() for folder in (run.data if run else ())),
        )

    @property
    def driver(self) -> Dataset:
        """The clip whose motion edits are shown in: the first of the person as filmed, if there is one."""
        return next((clip for clip in self.clips if clip.synthesis is None), self.clips[0])

    @property
    def worn(self) -> dict[str, Dataset]:
        """The clips that show a look of the avatar's other than the person as filmed, by its name."""
        return {clip.look: clip for clip in self.clips if clip.look in self.avatar.looks[1:]}

    def latent_shown(self, clip: Dataset) -> Latent:
        """The latent of the look that a clip shows, if the avatar has it; else as filmed."""
        return self.avatar.latent(clip.look if clip.look in self.avatar.looks else None)

    def rows(self, clip: Dataset, *, count: int | None = None) -> np.ndarray:
        """Positions of a clip's held-out frames; of `count` of them at equal distances, if there are more.

        Of a clip that shows a look and was not trained on, such as an exact one, they are the moments that the person's
        own clip holds out: frames of both have the same numbers.
        """
        rows = self._held_out(clip)
        if count is None or count >= len(rows):
            return rows
        return rows[np.round(np.linspace(0, len(rows) - 1, count)).astype(int)]

    def _held_out(self, clip: Dataset) -> np.ndarray:
        if clip.synthesis and self.driver.synthesis is None and clip.folder.resolve() not in self.trained_on:
            moments = self.driver.numbers[self._held_out(self.driver)]
            rows = np.flatnonzero(np.isin(clip.numbers, moments))
            if not rows.size:
                own = self.driver.folder
                raise UserError(
                    f"{clip.folder} shows no moment that {own} holds out; name the clip it was made of first."
                )
            return rows
        return clip.split(test_fraction=self.test_fraction)[1]

    def frames(self, clip: Dataset, rows: np.ndarray, *, image_size: int | None = None) -> Batch:
        """Frames of a clip, at the size of comparison by default."""
        side = image_size or self.image_size
        return load_frames(clip, rows, image_size=(side, side))

    def drive(self, clip: Dataset, rows: np.ndarray, *, image_size: int) -> Motion:
        """What drives frames of a clip, as tracked, for pictures of `image_size` pixels a side."""
        cameras = jax.tree.map(lambda leaf: jnp.asarray(leaf[rows]), clip.cameras(image_size=(image_size, image_size)))
        params = FlameParams.of_frames(self.avatar.betas, clip.expression[rows], clip.pose[rows])
        return Motion(jax.tree.map(jnp.asarray, params), cameras)

    def as_filmed(self) -> BakedLook:
        """The person without any edit: of a fused avatar its target."""
        return self.avatar.as_filmed()

    def without_alignment(self, latent: Latent) -> dict[str, BakedLook]:
        """Of a fused avatar, the baseline that only composes points, by its name; of others nothing."""
        steps = self.avatar.fusing_steps
        return {"composed without alignment": self.avatar.bake_step(latent, steps[0])} if steps else {}
