"""Videos of an avatar."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax import media
from pegasus_jax.editing import Look
from pegasus_jax.errors import UserError
from pegasus_jax.inference import clip, load, render_clip, save_look
from tests.inference.untrained import write_run
from tests.media.said import source_type, xmp


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("clip"))


def test_a_driven_clip_is_a_video_with_a_picture_per_frame(folders, tmp_path):
    render_clip(folders.run, drive=folders.data, orbit=False, out=tmp_path / "self.mp4", image_size=32)
    frames, fps = media.read_video(tmp_path / "self.mp4")
    assert frames.shape == (10, 32, 32, 3) and fps == clip.FPS
    avatar = load(folders.run)
    motion = clip.driven(avatar, folders.data, image_size=32)
    expected = list(clip.render_frames(avatar.bake(), motion))
    assert len(expected) == 10 and expected[0].dtype == np.uint8
    assert np.abs(frames[3].astype(float) - expected[3]).mean() < 6.0
    assert expected[0].min() < 200, "the avatar is in the picture"


def test_an_orbit_swings_to_both_sides_and_back(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(clip, "ORBIT_FRAMES", 8)
    render_clip(folders.run, drive=None, orbit=True, out=tmp_path / "orbit.mp4", image_size=24)
    assert media.read_video(tmp_path / "orbit.mp4")[0].shape == (8, 24, 24, 3)
    motion = clip.resting(load(folders.run), image_size=24)
    cameras = clip.orbited(motion.cameras)
    rotation = np.asarray(cameras.T_camera_world)[:, :, :3]
    np.testing.assert_allclose(rotation @ np.swapaxes(rotation, 1, 2), np.tile(np.eye(3), (8, 1, 1)), atol=1e-6)
    yaw = np.arctan2(rotation[:, 0, 2], rotation[:, 0, 0])
    expected = clip.ORBIT_REACH * np.sin(np.linspace(0, 2 * np.pi, 8))
    np.testing.assert_allclose(yaw, expected, atol=1e-5)
    distance = jnp.linalg.norm(jnp.einsum("nji,nj->ni", rotation, cameras.T_camera_world[:, :, 3]), axis=1)
    np.testing.assert_allclose(distance, 4.0, rtol=1e-6)
    means2d, depths = jax.tree.map(np.asarray, cameras.project(jnp.zeros((8, 1, 3))))
    np.testing.assert_allclose(means2d, 12.0, atol=1e-4)
    assert (depths > 0).all()


def test_an_avatar_rests_as_it_was_filmed_on_average(folders):
    avatar = load(folders.run)
    mean_pose = np.linspace(-0.1, 0.2, 15)
    avatar.description = dataclasses.replace(avatar.description, mean_pose=tuple(mean_pose))
    np.testing.assert_allclose(clip.resting(avatar, image_size=24).params.pose[5], mean_pose, atol=1e-6)
    avatar.description = dataclasses.replace(avatar.description, mean_pose=None)
    assert not clip.resting(avatar, image_size=24).params.pose.any(), "what older avatars know"


def test_a_look_is_rendered_by_its_name_or_from_its_file(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(clip, "ORBIT_FRAMES", 2)
    avatar = load(folders.run)
    save_look(tmp_path / "ada.json", Look("Ada's hair", avatar.latent("hair/ada")), avatar)
    pictures = {}
    for look in (None, "hair/ada", str(tmp_path / "ada.json")):
        render_clip(folders.run, drive=None, orbit=True, out=tmp_path / "x.mp4", image_size=32, look=look)
        pictures[look] = media.read_video(tmp_path / "x.mp4")[0].astype(int)
    assert source_type(tmp_path / "x.mp4") == "trainedAlgorithmicMedia" and "an avatar, Ada's hair" in xmp(
        tmp_path / "x.mp4"
    )
    filmed, by_name, by_file = pictures.values()
    np.testing.assert_array_equal(by_name, by_file)
    assert np.abs(by_name - filmed).max() > 10


def test_a_folder_that_drives_nothing_is_one_sentence(folders, tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        render_clip(folders.run, drive=tmp_path / "nowhere", orbit=False, out=tmp_path / "x.mp4", image_size=32)
    assert not (tmp_path / "x.mp4").exists()
