"""`avatar.json`: what it takes, beside its arrays, to open an avatar of any family."""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np

from pegasus_jax import atomic
from pegasus_jax.core.settings import described, shown
from pegasus_jax.data import Dataset
from pegasus_jax.errors import UserError
from pegasus_jax.flame import builtin_head, load_head
from pegasus_jax.flame.model import NUM_BETAS, NUM_EXPRESSION, POSE_SIZE, HeadModel
from pegasus_jax.untrusted import json_text

FILE = "avatar.json"
DESCRIPTION = "description"  # the same among the arrays of an avatar's `.npz`
FUSION = "fusion"  # what a fused avatar's `.npz` has instead
FORMAT = 2
_POINTS_ALONE = 1  # the format that knew one family: what is the family's now stood beside the rest
_LARGEST = 1e4  # of coefficients and angles: far beyond any face, and far from where float32 ends
_LARGEST_SIDE = 2**15  # pixels
_OF_POINTS = ("networks", "max_points_per_pixel", "ndc_per_unit")


@dataclasses.dataclass(frozen=True)
class AvatarDescription:
    """An avatar without its arrays."""

    family: str
    model: dict[str, Any]  # what the family needs to build it
    head_name: str
    head_sha256: str
    head_path: str | None  # None: the built-in head
    betas: tuple[float, ...]  # (100,) the person's shape
    canonical_expression: tuple[float, ...]  # (50,)
    looks: tuple[str, ...]  # names; the first is the person as filmed
    image_size: int  # side of the training pictures, pixels
    mean_pose: tuple[float, ...] | None = None  # (15,) of the own training frames, the head upright; None: unknown

    @classmethod
    def of_run(
        cls,
        *,
        family: str,
        model: dict[str, Any],
        head: HeadModel,
        head_path: pathlib.Path | None,
        betas: np.ndarray,
        canonical_expression: np.ndarray,
        looks: tuple[str, ...],
        image_size: int,
        mean_pose: np.ndarray | None = None,
    ) -> "AvatarDescription":
        """The description of a training run."""
        return cls(
            family=family,
            model=model,
            head_name=head.name,
            head_sha256=head.sha256,
            head_path=str(pathlib.Path(head_path).resolve()) if head_path else None,
            betas=tuple(np.asarray(betas, float).tolist()),
            canonical_expression=tuple(np.asarray(canonical_expression, float).tolist()),
            looks=looks,
            image_size=image_size,
            mean_pose=None if mean_pose is None else tuple(np.asarray(mean_pose, float).tolist()),
        )

    def to_json(self) -> dict[str, Any]:
        """For `avatar.json` and inside an exported `.npz`."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, content: dict[str, Any], *, where: str) -> "AvatarDescription":
        """The inverse of `to_json`; format 1, which knew points alone, is read as well.

        Raises:
            UserError: it was written by another version, or is damaged.
        """
        content = dict(content)
        written = content.pop("format", None)
        if written not in (_POINTS_ALONE, FORMAT):
            raise UserError(f"{where} is not an avatar description of format {FORMAT}; train or export it again.")
        if written == _POINTS_ALONE:
            content["family"] = "points"
            content["model"] = {name: content.pop(name) for name in _OF_POINTS if name in content}
        found = described(cls, content, where=where)
        found._check(where)
        return found

    def _check(self, where: str) -> None:
        """What types do not say."""
        sizes = {"betas": NUM_BETAS, "canonical_expression": NUM_EXPRESSION, "mean_pose": POSE_SIZE}
        for name, size in sizes.items():
            numbers = getattr(self, name)
            if numbers is not None and (len(numbers) != size or max(map(abs, numbers)) > _LARGEST):
                raise UserError(f"{where}: {name} must be {size} numbers below {_LARGEST:g}; export the avatar again.")
        if not self.looks or "" in self.looks or len(set(self.looks)) < len(self.looks):
            raise UserError(f"{where}: looks must be names, each once; they are {shown(self.looks)}.")
        if not 1 <= self.image_size <= _LARGEST_SIDE:
            raise UserError(f"{where}: image_size must be 1 to {_LARGEST_SIDE} pixels; it is {self.image_size}.")

    def load_head(self) -> HeadModel:
        """The head model that the avatar was trained with.

        Raises:
            UserError: the file is gone or has changed.
        """
        head = load_head(self.head_path) if self.head_path else default_head(self.head_sha256)
        if head.sha256 != self.head_sha256:
            raise UserError(
                f"The avatar was trained with the head model {self.head_name} ({self.head_sha256[:8]}…), but "
                f"{self.head_path or 'the default head'} is {head.name} ({head.sha256[:8]}…); put the first one back."
            )
        return head


def default_head(sha256: str | None) -> HeadModel:
    """The head that is meant where no path is given: the built-in one if that is its hash, else `load_head`'s choice.

    So the demo, and every avatar of the built-in head, works for those who have set $FLAME_PATH too.
    """
    built_in = builtin_head()
    return built_in if built_in.sha256 == sha256 else load_head()


def tracked_with(dataset: Dataset) -> str | None:
    """Hash of the head model that the clip was captured with; None where it does not say."""
    return dataset.capture.get("head", {}).get("sha256")


def check_head(dataset: Dataset, head: HeadModel) -> None:
    """Raises:
    UserError: the clip was captured with another head model.
    """
    tracked = tracked_with(dataset)
    if tracked and tracked != head.sha256:
        raise UserError(
            f"{dataset.folder} was captured with the head model {dataset.capture['head'].get('name')}, not "
            f"with {head.name}; give that one with --head, or capture the video again."
        )


def write_description(folder: pathlib.Path, description: AvatarDescription) -> None:
    """Writes `avatar.json`."""
    with atomic.file(folder / FILE) as temporary:
        temporary.write_text(json.dumps(description.to_json(), indent=1) + "\n")


def read_description(folder: pathlib.Path) -> AvatarDescription:
    """Reads `avatar.json`.

    Raises:
        UserError: the folder is no work folder.
    """
    path = folder / FILE
    if not path.is_file():
        raise UserError(f"{folder} is not a work folder with an avatar: it has no {FILE}; train one: launch.py train")
    return AvatarDescription.from_json(json_text.read_object(path), where=str(path))
