"""Pictures that are named by numbers: found by listing folders, put together when they are asked for."""

import pytest

from pegasus_jax.data import checks
from pegasus_jax.data.files import Matte, PartMask
from pegasus_jax.data.numbered import NumberedFiles
from pegasus_jax.errors import UserError
from tests.data import examples


def test_a_frame_is_put_together_from_its_number(tmp_path):
    folder = examples.write_imavatar(tmp_path / "clip")
    files = NumberedFiles(folder, [4, 2], {"hair": (17,), "nose": ()})
    assert len(files) == 2 and [frame.image.name for frame in files] == ["4.png", "2.png"]
    assert files[1].matte == Matte(folder / "mask" / "2.png") and files[1].normal is None
    assert files[-1].parts == {
        "hair": PartMask(folder / "semantic" / "2.png", (17,)),
        "nose": PartMask(folder / "parts" / "nose" / "2.png"),
    }
    assert [frame.image for frame in files[:1]] == [files[0].image]
    with pytest.raises(IndexError):
        files[2]


def test_frames_that_are_not_there_are_told_before_they_are_needed(tmp_path):
    folder = examples.write_imavatar(tmp_path / "clip")
    with pytest.raises(UserError, match=r"image/9\.png is missing"):
        NumberedFiles(folder, [1, 9], {})
    (folder / "mask" / "3.png").unlink()
    with pytest.raises(UserError, match=r"mask/3\.png is missing, and \S+image/3\.png has no alpha channel"):
        NumberedFiles(folder, [1, 3], {})
    assert len(NumberedFiles(folder, [1, 2], {})) == 2


def test_numbers_that_nobody_needs_are_left_out_of_a_json(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"frames": [{"x": [[1, -2.5e-07],\n [3E+2, 4]], "y": [1]}, {"x" : [], "y": "x"}], "z": 5}')
    assert checks.read_json(path)["frames"][0]["x"] == [[1, -2.5e-07], [300.0, 4]]
    assert checks.read_json(path, without="x") == {
        "frames": [{"x": [], "y": [1]}, {"x": [], "y": "x"}],
        "z": 5,
    }
    path.write_text('{"x": [1, "two"], "y": 3}')
    assert checks.read_json(path, without="x") == {"x": [1, "two"], "y": 3}
