"""What we write opens in a strict reader of IMAvatar's format."""

import json

import numpy as np
import pytest

from pegasus_jax.data import DatasetWriter, read_dataset
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import CAST
from pegasus_jax.flame import builtin_head
from tests.data import strict_imavatar
from tests.data.conftest import INTRINSICS, frame_params


@pytest.fixture
def written(tmp_path):
    with DatasetWriter(tmp_path / "me", image_size=(32, 32)) as writer:
        for number in (1, 2, 4):
            image = np.full((32, 32, 3), number, np.uint8)
            writer.add(number, image, image[..., 0], parts={"hair": image[..., 0]})
        frames = [frame_params(number) for number in (1, 4)]
        writer.finish(frames=frames, betas=np.zeros(100), intrinsics=INTRINSICS, capture={"donor": "ada"})
    return tmp_path / "me"


def test_the_writer_of_captures(written):
    params = strict_imavatar.read(written)
    assert [frame["file_path"] for frame in params["frames"]] == ["./image/1", "./image/4"]
    np.testing.assert_allclose(read_dataset(written).pose[1], params["frames"][1]["pose"], rtol=1e-6)


def test_the_demos_clips(tmp_path):
    write_clip(
        CAST["ada"], tmp_path / "ada", head=builtin_head(), num_frames=2, image_size=(40, 40), seed=0, supersample=1
    )
    assert len(strict_imavatar.read(tmp_path / "ada")["frames"]) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.pop("intrinsics"),
        lambda p: p.update(intrinsics=[3.0, 3.0, 0.5, 0.5]),
        lambda p: p["frames"][0].update(file_path="image/1.png"),
        lambda p: p["frames"][0]["pose"].pop(),
        lambda p: p["frames"][0]["world_mat"][0].__setitem__(1, 0.1),
        lambda p: p["frames"].pop(),
        lambda p: p["frames"].reverse(),
        lambda p: p["shape_params"].__setitem__(0, float("nan")),
    ],
)
def test_the_strict_reader_is_strict(written, spoil):
    path = written / "flame_params.json"
    params = json.loads(path.read_text())
    spoil(params)
    path.write_text(json.dumps(params))
    with pytest.raises(AssertionError):
        strict_imavatar.read(written)
