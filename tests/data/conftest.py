"""A small dataset folder, written by our own writer."""

import pathlib

import numpy as np
import pytest

from pegasus_jax.data import DatasetWriter, FrameParams

SIZE = (24, 32)
INTRINSICS = np.array([-3.0, 2.9, 0.5, 0.45])


def pictures(number: int) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(number)
    image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    mask = rng.integers(0, 256, SIZE, dtype=np.uint8)
    return image, mask, {"hair": np.where(mask > 128, 255, 0).astype(np.uint8)}


def frame_params(number: int) -> FrameParams:
    rng = np.random.default_rng(1000 + number)
    return FrameParams(
        number=number,
        world_mat=np.hstack([np.eye(3), [[0.01 * number], [0.0], [-4.0]]]),
        expression=rng.normal(size=50),
        pose=rng.normal(size=15),
        bbox=np.array([-0.5, -0.5, 0.5, 0.5]),
        flame_keypoints=rng.uniform(-1, 1, (68, 2)),
    )


def write_folder(out: pathlib.Path, *, num_frames: int = 5) -> pathlib.Path:
    with DatasetWriter(out, image_size=SIZE) as writer:
        for number in range(1, num_frames + 1):
            image, mask, parts = pictures(number)
            writer.add(number, image, mask, parts=parts)
        frames = [frame_params(number) for number in range(1, num_frames + 1)]
        writer.finish(frames=frames, betas=np.arange(100) / 100, intrinsics=INTRINSICS, capture={"donor": "ada"})
    return out


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    return write_folder(tmp_path / "me")
