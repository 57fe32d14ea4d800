import json

import numpy as np
import pytest

from pegasus_jax.data import read_dataset, write_flame_sequence
from pegasus_jax.errors import UserError
from tests.data import examples

SHAPES = {
    "frame_numbers": (5,),
    "images": (5,),
    "betas": (100,),
    "frame_betas": (5, 100),
    "expression": (5, 50),
    "pose": (5, 15),
    "world_mat": (5, 3, 4),
    "intrinsics": (5, 4),
    "image_size": (2,),
    "head": (),
    "units": (),
}


@pytest.fixture
def dataset(tmp_path):
    folder = examples.write_imavatar(tmp_path / "clip", per_frame_shape=True)
    (folder / "capture.json").write_text(json.dumps({"head": {"name": "flame2023_Open", "sha256": "0"}}))
    return read_dataset(folder)


@pytest.mark.parametrize("suffix", [".npz", ".json", ".NPZ", ".Json"])
def test_numpy_and_json_alone_read_it(dataset, tmp_path, suffix):
    path = tmp_path / "out" / f"flame{suffix}"
    write_flame_sequence(dataset, path)
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    if suffix.lower() == ".npz":
        with np.load(path, allow_pickle=False) as file:
            content = dict(file)
    else:
        content = json.loads(path.read_text())
    assert {key: np.shape(value) for key, value in content.items()} == SHAPES
    assert list(content["frame_numbers"]) == [1, 2, 3, 4, 5]
    assert list(content["images"])[2] == "image/3.png"
    assert content["head"] == "flame2023_Open" and "4 per FLAME metre" in str(content["units"])
    assert list(content["image_size"]) == list(examples.SIZE)
    np.testing.assert_allclose(content["intrinsics"][4], [-3.0, 2.9, 0.51, 0.49], rtol=1e-6)
    for row, number in enumerate(range(1, 6)):
        frame = examples.imavatar_frame(number)
        for key in ("expression", "pose", "world_mat"):
            np.testing.assert_allclose(content[key][row], frame[key], rtol=1e-6)
        np.testing.assert_allclose(content["frame_betas"][row], examples.frame_shape(number), rtol=1e-6)


def test_a_folder_that_does_not_say_its_head(tmp_path):
    write_flame_sequence(read_dataset(examples.write_vhap(tmp_path / "v")), tmp_path / "v.json")
    assert json.loads((tmp_path / "v.json").read_text())["head"] == ""


def test_another_suffix(dataset, tmp_path):
    with pytest.raises(UserError, match=r"flame\.pkl must end in \.npz or \.json"):
        write_flame_sequence(dataset, tmp_path / "flame.pkl")
