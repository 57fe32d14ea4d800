"""Clips of the cast as ordinary dataset folders, whose parameters, mattes and part masks are exact."""

import concurrent.futures
import os
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from pegasus_jax import media, progress
from pegasus_jax.data import Camera, DatasetWriter, FrameParams
from pegasus_jax.demo.anatomy import CHIN, Anatomy
from pegasus_jax.demo.look import Look
from pegasus_jax.demo.motion import make_motion
from pegasus_jax.demo.people import Person
from pegasus_jax.demo.stage import Picture, Stage
from pegasus_jax.flame.landmarks import landmarks68
from pegasus_jax.flame.model import HeadModel

_landmarks68 = jax.jit(landmarks68)

_DISTANCE = 4.0  # head units from the camera: one metre
_VIEW_IN_HEADS = 1.62  # height of the picture, in heights of a head from chin to crown
_CREWS = 2  # threads that render at the same time
_BELOW_MIDDLE = 0.12  # how far below the head's middle the camera aims, in heights of a head


def write_clip(
    person: Person,
    out: str | os.PathLike,
    *,
    head: HeadModel,
    num_frames: int,
    image_size: tuple[int, int],
    seed: int,
    wearing: Mapping[str, Person] | None = None,
    numbers: Sequence[int] | None = None,
    supersample: int = 3,
) -> None:
    """Renders a person, perhaps wearing parts of others, into a dataset folder.

    The same `seed` gives the same movement and camera whoever performs it: a swapped clip is the ground truth of
    the swap, frame by frame. The folder's betas are always the person's own.

    Args:
        person: who is filmed.
        out: the dataset folder to write.
        head: the head model that everybody's shape is expressed in.
        num_frames: length at 25 frames a second.
        image_size: (H, W) in pixels.
        seed: of the movement.
        wearing: attribute -> the person whose part is worn instead of one's own.
        numbers: the frames to render, from 1; all of them without it.
        supersample: samples per pixel along each side.

    Raises:
        UserError: an unknown attribute, a donor without a hat, or an `out` that may not be replaced.
    """
    look = Look(person, dict(wearing or {}))
    stage = Stage(head, look)
    motion = make_motion(head, num_frames=num_frames, seed=seed)
    world_mats, intrinsics = aim(stage.anatomy, motion.translation, image_size=image_size)
    numbers = numbers or range(1, num_frames + 1)
    cameras = [Camera.from_imavatar(world_mats[number - 1], intrinsics, image_size=image_size) for number in numbers]

    def picture_of(number: int, camera: Camera) -> Picture:
        return stage.render(motion.expression[number - 1], motion.pose[number - 1], camera, supersample=supersample)

    frames = []
    with (
        DatasetWriter(out, image_size=image_size, disclosure=media.drawn(_words(look))) as writer,
        concurrent.futures.ThreadPoolExecutor(_CREWS) as crews,
    ):
        pictures = progress.bar(
            crews.map(picture_of, numbers, cameras), desc=f"Filming {person.name}", total=len(numbers)
        )
        for number, camera, picture in zip(numbers, cameras, pictures):
            k = number - 1
            writer.add(number, picture.image, picture.mask, parts=picture.parts)
            keypoints = _keypoints(stage, motion.expression[k], motion.pose[k], camera)
            frames.append(
                FrameParams(
                    number=number,
                    world_mat=world_mats[k],
                    expression=motion.expression[k],
                    pose=motion.pose[k],
                    bbox=np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)]),
                    flame_keypoints=keypoints,
                )
            )
        writer.finish(frames=frames, betas=person.shape, intrinsics=intrinsics, capture=_capture(look, head, seed))


def aim(anatomy: Anatomy, sway: np.ndarray, *, image_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cameras that fill the frame with the head, whoever wears it.

    Args:
        anatomy: of the head model.
        sway: (F, 3) head units, added to the translation.
        image_size: (H, W); pixels are square.

    Returns:
        IMAvatar's `world_mat` (F, 3, 4) and `intrinsics` (4,).
    """
    crown, chin = anatomy.template[:, 1].max(), anatomy.landmarks[CHIN, 1]
    height = (crown + chin) / 2 - _BELOW_MIDDLE * (crown - chin)
    translation = sway + np.array([0.0, -height, -_DISTANCE])
    rotation = np.broadcast_to(np.eye(3), (len(sway), 3, 3))
    focal = _DISTANCE / (_VIEW_IN_HEADS * (crown - chin))
    world_mats = np.concatenate([rotation, translation[:, :, None]], axis=-1)
    return world_mats, np.array([-focal * image_size[0] / image_size[1], focal, 0.5, 0.5])


def _keypoints(stage: Stage, expression: np.ndarray, pose: np.ndarray, camera: Camera) -> np.ndarray:
    """(68, 2) landmarks in [-1, 1], x right, y down."""
    points = _landmarks68(stage.head, stage.vertices(expression, pose), pose)
    means2d, _ = camera.project(points)
    return 2 * np.asarray(means2d) / [camera.image_size[1], camera.image_size[0]] - 1


def _words(look: Look) -> str:
    parts = "".join(f", with the {attribute} of {donor.name}" for attribute, donor in look.wearing.items())
    return f"{look.person.name} of the built-in cast{parts}"


def _capture(look: Look, head: HeadModel, seed: int) -> dict:
    capture = {
        "synthetic": True,
        "person": look.person.name,
        "head": {"name": head.name, "sha256": head.sha256},
        "seed": seed,
    }
    if len(look.wearing) == 1:
        ((attribute, donor),) = look.wearing.items()
        capture["synthesis"] = {"attribute": attribute, "donor": donor.name, "target": look.person.name}
    return capture
