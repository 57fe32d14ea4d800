"""`launch.py create`: a video becomes an avatar, and the same command goes on where it stopped."""

import pathlib

import pytest

from pegasus_jax import media, pipeline
from pegasus_jax.errors import UserError
from pegasus_jax.inference import load

_PRESET = """
from pegasus_jax.config import load_config

def get_config(arg=""):
    config = load_config({laptop!r})
    with config.unlocked():
        config.preset = "tiny"
        config.image_size = 32
        config.cloud.max_points = config.cloud.init_points = 512
        config.total_frames = 40
        config.step.flame_halvings = ()
        config.cloud.period = 20
        config.every.log = config.cloud.nearest_period = config.every.checkpoint = 20
    return config
"""


@pytest.fixture
def preset(tmp_path) -> str:
    laptop = pathlib.Path(__file__).parents[1] / "configs" / "laptop.py"
    path = tmp_path / "tiny.py"
    path.write_text(_PRESET.format(laptop=str(laptop)))
    return str(path)


@pytest.mark.slow
def test_a_video_becomes_an_avatar(optimised, real_data, preset, tmp_path, monkeypatch, capsys):
    frames, fps = media.read_video(real_data / "videos" / "subject_a.mp4", max_frames=15)
    media.write_video(tmp_path / "me.mp4", frames, fps=fps, disclosure=None)
    monkeypatch.setenv("PEGASUS_ASSETS", str(real_data / "mediapipe"))
    monkeypatch.setattr(pipeline, "_VIDEO_SIZE", 64)
    head, workdir = real_data / "assets" / "ict_head.npz", tmp_path / "run"
    pipeline.create(tmp_path / "me.mp4", workdir, head=head, preset=preset)
    told = capsys.readouterr().out
    assert "15 frames to capture, about 0 minutes on this machine" in told
    assert "15 frames, 0 dropped" in told
    assert f"The avatar is in {workdir}" in told
    names = {path.name for path in workdir.iterdir()}
    assert {"avatar.npz", "self.mp4", "orbit.mp4", "evaluation.md", "evaluation.json", "figures", "dataset"} <= names
    assert load(workdir / "avatar.npz").points_gc.shape[1] == 3
    assert media.read_video(workdir / "self.mp4")[0].shape[1:] == (64, 64, 3)

    captured = (workdir / "dataset" / "capture.json").stat().st_mtime_ns
    pipeline.create(tmp_path / "me.mp4", workdir, head=head, preset=preset)
    assert (workdir / "dataset" / "capture.json").stat().st_mtime_ns == captured
    (tmp_path / "other.mp4").write_bytes((tmp_path / "me.mp4").read_bytes())
    with pytest.raises(UserError, match=r"dataset was captured from me\.mp4, not from other\.mp4; choose another"):
        pipeline.create(tmp_path / "other.mp4", workdir, head=head, preset=preset)


def test_a_video_that_is_not_there_is_told_before_any_work(preset, tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.mp4"):
        pipeline.create(tmp_path / "nowhere.mp4", tmp_path / "run", head=None, preset=preset)
    assert not (tmp_path / "run").exists()


def test_a_preset_that_is_no_config_is_told(tmp_path):
    with pytest.raises(UserError, match=r"There is no config file .*absent\.py"):
        pipeline.create(tmp_path / "me.mp4", tmp_path / "run", head=None, preset=str(tmp_path / "absent.py"))
