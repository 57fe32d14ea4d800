"""A picture of the whole cast: `python -m pegasus_jax.demo.cast_sheet docs/cast/cast.png`.

Each row is a person: three views as they are, then wearing each hairstyle, each hat, and another person's face parts.
"""

import sys
from collections.abc import Iterator, Mapping

import cv2
import numpy as np

from pegasus_jax import atomic, progress
from pegasus_jax.data import Camera
from pegasus_jax.demo.clips import aim
from pegasus_jax.demo.look import Look
from pegasus_jax.demo.people import CAST, Person
from pegasus_jax.demo.stage import Stage
from pegasus_jax.flame import builtin_head
from pegasus_jax.flame.model import JAW_OPEN, NECK, NUM_EXPRESSION, POSE_SIZE, HeadModel
from pegasus_jax.media import drawn
from pegasus_jax.media.marks import mark_png

_TILE = (112, 112)
_HAIR, _HATS = ("ada", "ben", "cleo", "eve", "dan"), ("eve", "finn")
_FACE_PARTS = ("nose", "eyes", "eyebrows", "mouth")


def cast_sheet(head: HeadModel) -> np.ndarray:
    """(H, W, 3) uint8: a row of looks for everybody in the cast."""
    people = list(CAST.values())
    rows = [
        np.concatenate(list(_row(head, person, people[k - 1])), axis=1)
        for k, person in enumerate(progress.bar(people, desc="Drawing the cast", unit="person"))
    ]
    return np.concatenate(rows, axis=0)


def _row(head: HeadModel, person: Person, neighbour: Person) -> Iterator[np.ndarray]:
    for yaw, jaw in ((0.0, 0.0), (0.6, 0.12), (-0.9, 0.0)):
        yield _view(head, person, {}, yaw=yaw, jaw=jaw)
    for name in _HAIR:
        yield _view(head, person, {"hair": CAST[name]}, yaw=0.3)
    for name in _HATS:
        yield _view(head, person, {"hat": CAST[name]}, yaw=-0.3)
    yield _view(head, person, dict.fromkeys(_FACE_PARTS, neighbour))


def _view(
    head: HeadModel, person: Person, wearing: Mapping[str, Person], *, yaw: float = 0.0, jaw: float = 0.0
) -> np.ndarray:
    stage = Stage(head, Look(person, wearing))
    pose = np.zeros(POSE_SIZE, np.float32)
    pose[NECK] = (0.0, yaw, 0.0)
    pose[JAW_OPEN] = jaw
    world_mats, intrinsics = aim(stage.anatomy, np.zeros((1, 3)), image_size=_TILE)
    camera = Camera.from_imavatar(world_mats[0], intrinsics, image_size=_TILE)
    return stage.render(np.zeros(NUM_EXPRESSION, np.float32), pose, camera).image


def main() -> None:
    """Writes the sheet to the path given on the command line."""
    # The strongest compression, since the sheet is committed: half the size that `media.write_image` gives.
    _, png = cv2.imencode(".png", cast_sheet(builtin_head())[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    with atomic.file(sys.argv[1]) as temporary:
        temporary.write_bytes(mark_png(png.tobytes(), drawn("the built-in cast")))


if __name__ == "__main__":
    main()
