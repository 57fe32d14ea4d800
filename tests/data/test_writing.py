import errno
import json

import numpy as np
import pytest

from pegasus_jax.data import DatasetWriter, layout, pictures, read_dataset
from pegasus_jax.errors import UserError
from pegasus_jax.media import composed
from tests.data.conftest import INTRINSICS, SIZE, frame_params, write_folder
from tests.data.conftest import pictures as frame_pictures
from tests.media.said import source_type


def finish(writer, numbers):
    frames = [frame_params(number) for number in numbers]
    writer.finish(frames=frames, betas=np.zeros(100), intrinsics=INTRINSICS, capture={})


def test_layout_is_imavatars(folder):
    assert {p.name for p in folder.iterdir()} == {
        *("image", "mask", "parts", "figures", "flame_params.json", "capture.json")
    }
    assert {p.name for p in (folder / "image").iterdir()} == {f"{k}.png" for k in range(1, 6)}
    params = json.loads((folder / "flame_params.json").read_text())
    assert set(params) == {"frames", "shape_params", "intrinsics"}
    assert params["frames"][2]["file_path"] == "./image/3"
    assert set(params["frames"][2]) == {*("file_path", "world_mat", "expression", "pose", "bbox", "flame_keypoints")}


def test_nothing_remains_when_the_block_fails(tmp_path):
    with pytest.raises(KeyboardInterrupt), DatasetWriter(tmp_path / "me", image_size=SIZE) as writer:
        writer.add(1, *frame_pictures(1)[:2])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_folder_survives_a_failure(folder):
    before = (folder / "image" / "1.png").read_bytes()
    with pytest.raises(RuntimeError, match="no face"), DatasetWriter(folder, image_size=SIZE) as writer:
        writer.add(1, *frame_pictures(2)[:2])
        raise RuntimeError("no face")
    assert (folder / "image" / "1.png").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == ["me"]


def test_leaving_without_finish_is_loud(tmp_path):
    with (
        pytest.raises(RuntimeError, match=r"without finish\(\)"),
        DatasetWriter(tmp_path / "me", image_size=SIZE) as writer,
    ):
        writer.add(1, *frame_pictures(1)[:2])
    assert list(tmp_path.iterdir()) == []


def test_our_own_folder_is_replaced(folder):
    write_folder(folder, num_frames=2)
    assert len(read_dataset(folder)) == 2
    assert not (folder / "image" / "5.png").exists()


def test_a_folder_with_the_users_own_files_is_refused(folder):
    (folder / "me.mp4").write_bytes(b"precious")
    with (
        pytest.raises(UserError, match=r"me already exists and holds me\.mp4"),
        DatasetWriter(folder, image_size=SIZE),
    ):
        pass
    assert (folder / "me.mp4").exists()


def test_published_data_are_never_replaced(folder):
    (folder / "capture.json").unlink()
    with (
        pytest.raises(UserError, match="is not a dataset folder written by this program"),
        DatasetWriter(folder, image_size=SIZE),
    ):
        pass


def test_pictures_that_no_frame_names_are_deleted(tmp_path):
    with DatasetWriter(tmp_path / "me", image_size=SIZE) as writer:
        for number in (1, 2, 3):
            image, mask, parts = frame_pictures(number)
            writer.add(number, image, mask, parts=parts)
        finish(writer, [1, 3])
    for sub in ("image", "mask", "parts/hair"):
        assert {p.name for p in (tmp_path / "me" / sub).iterdir()} == {"1.png", "3.png"}
    assert read_dataset(tmp_path / "me").numbers.tolist() == [1, 3]


def test_figures_may_be_added_after_finish(tmp_path):
    with DatasetWriter(tmp_path / "me", image_size=SIZE) as writer:
        writer.add(1, *frame_pictures(1)[:2])
        finish(writer, [1])
        (writer.folder / layout.FIGURES / "coverage.png").write_bytes(b"x")
    assert (tmp_path / "me" / "figures" / "coverage.png").exists()


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    def full(path, picture, *, disclosure):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pictures, "write_png", full)
    with (
        pytest.raises(UserError, match=r"No disk space left while writing .*me"),
        DatasetWriter(tmp_path / "me", image_size=SIZE) as writer,
    ):
        writer.add(1, *frame_pictures(1)[:2])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "image", "mask", "message"),
    [
        (0, np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8), "numbered from 1"),
        (1, np.zeros((*SIZE, 3), np.float32), np.zeros(SIZE, np.uint8), r"image must be .* got .* float32"),
        (
            1,
            np.zeros((*SIZE, 3), np.uint8),
            np.zeros((5, 5), np.uint8),
            r"mask must be .* got \(5, 5\) uint8",
        ),
    ],
)
def test_wrong_pictures_are_refused(tmp_path, number, image, mask, message):
    with pytest.raises(ValueError, match=message), DatasetWriter(tmp_path / "me", image_size=SIZE) as writer:
        writer.add(number, image, mask)


@pytest.mark.parametrize("numbers", [[], [1, 1], [1, 2]])
def test_frames_must_have_been_added(tmp_path, numbers):
    with (
        pytest.raises(ValueError, match="must name at least one added frame"),
        DatasetWriter(tmp_path / "me", image_size=SIZE) as writer,
    ):
        writer.add(1, *frame_pictures(1)[:2])
        finish(writer, numbers)


def test_params_that_are_not_finite_are_refused(tmp_path):
    frame = frame_params(1)
    frame.pose[3] = np.nan
    with pytest.raises(ValueError, match="pose has a value that is not finite"):
        frame.to_json()


def test_pictures_that_no_camera_took_say_so_and_masks_do_not(tmp_path):
    with DatasetWriter(tmp_path / "me", image_size=SIZE, disclosure=composed("a test")) as writer:
        writer.add(1, *frame_pictures(1)[:2])
        finish(writer, [1])
    assert source_type(tmp_path / "me" / "image" / "1.png") == "compositeWithTrainedAlgorithmicMedia"
    assert source_type(tmp_path / "me" / "mask" / "1.png") is None


def test_a_cameras_pictures_say_nothing(folder):
    assert source_type(folder / "image" / "1.png") is None
