"""Bald frames by diffusion, with a painter that records what it is asked for in the place of the models."""

import dataclasses
import json

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from pegasus_jax.capture import mattes
from pegasus_jax.data import DatasetWriter, read_dataset
from pegasus_jax.errors import UserError
from pegasus_jax.synthesis import diffusion
from pegasus_jax.synthesis.stable_diffusion import DiffusionModels
from tests.training import tiny

HEIGHT, WIDTH = 256, 192
HAIR = (slice(20, 60), slice(40, 110))
BALD_FRAME = 3  # has no hair to begin with


@pytest.fixture
def target(tmp_path):
    """Three frames of noise with a block of hair, the last without."""
    rng = np.random.default_rng(0)
    with DatasetWriter(tmp_path / "me", image_size=(HEIGHT, WIDTH)) as writer:
        for number in (1, 2, BALD_FRAME):
            image = rng.integers(100, 156, (HEIGHT, WIDTH, 3)).astype(np.uint8)
            hair = np.zeros((HEIGHT, WIDTH), np.uint8)
            hair[HAIR] = 255 * (number != BALD_FRAME)
            writer.add(number, image, np.full((HEIGHT, WIDTH), 200, np.uint8), parts={"hair": hair})
        frames = [tiny.frame_params(number) for number in (1, 2, BALD_FRAME)]
        writer.finish(frames=frames, betas=tiny.BETAS, intrinsics=tiny.INTRINSICS, capture={})
    return read_dataset(tmp_path / "me")


@dataclasses.dataclass
class Recorder:
    """Paints a ramp, and keeps what it was called with; `fails_at` is the call that is interrupted."""

    fails_at: int | None = None
    calls: list[dict] = dataclasses.field(default_factory=list)

    def __call__(self, image, mask, control, **words):
        if len(self.calls) == self.fails_at:
            raise KeyboardInterrupt
        self.calls.append({"image": image, "mask": mask, "control": control, **words})
        ramp = np.linspace(0, 90, image.shape[0]).astype(np.uint8)
        return np.broadcast_to(ramp[:, None, None], image.shape).copy()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Segmenters(Recorder):
    """Everything is half a person."""

    def person(self, image):
        return np.full(image.shape[:2], 0.5, np.float32)


@pytest.fixture
def painter(monkeypatch):
    """What `painted` finds instead of the models."""
    recorder = Recorder()
    monkeypatch.setattr(diffusion, "StableDiffusion", lambda models: recorder)
    monkeypatch.setattr(mattes, "Segmenters", Segmenters)
    return recorder


def painted_region(hair: np.ndarray) -> np.ndarray:
    """All that is within a share of 10 / 512 of the hair, where there is any."""
    return hair.any() & (distance_transform_edt(hair == 0) <= 10 / 512 * HEIGHT + 0.5)


def test_the_painter_gets_the_papers_words_seed_margin_and_control_picture(target, painter, tmp_path):
    diffusion.painted(target, folder=tmp_path / "bald", models=DiffusionModels())
    assert len(painter.calls) == 2, "there is nothing to paint in a frame without hair"
    for index, call in enumerate(painter.calls):
        assert call["prompt"] == "bald, clean skin, smooth bald, small head, albedo"
        assert call["negative_prompt"].startswith("hair, wrinkles, shadow, light reflection, tattoo, sideburns")
        assert call["seed"] == 1
        assert call["image"].shape == (512, 384, 3) and call["mask"].shape == (512, 384)
        expected = painted_region(target.parts("hair", indices=[index])[0])
        np.testing.assert_array_equal(call["mask"], np.kron(expected, np.ones((2, 2), bool)))
        np.testing.assert_array_equal(call["control"][call["mask"]], -1.0)
        kept = ~call["mask"]
        np.testing.assert_allclose(call["control"][kept], call["image"][kept] / 255.0, atol=1e-6)
        small = call["image"].reshape(HEIGHT, 2, WIDTH, 2, 3).mean(axis=(1, 3))
        assert np.abs(small - target.images(indices=[index])[0]).mean() < 10, "it is that frame, enlarged"


def test_only_the_hair_and_what_is_grown_around_it_changes(target, painter, tmp_path):
    frames = diffusion.painted(target, folder=tmp_path / "bald", models=DiffusionModels())
    for index in range(3):
        frame, image = frames(index), target.images(indices=[index])[0]
        region = painted_region(target.parts("hair", indices=[index])[0])
        np.testing.assert_array_equal(frame.image[~region], image[~region])
        assert (frame.matte[~region] == 200).all() and (frame.matte[region] == 128).all()
        assert not region.any() or (frame.image[region] != image[region]).mean() > 0.9
        assert not (region & ~frame.changed).any()


def test_what_is_painted_goes_over_into_what_is_filmed(target, painter, tmp_path):
    """The painter's own level, far below the frame's, does not show: its gradients do."""
    frame = diffusion.painted(target, folder=tmp_path / "bald", models=DiffusionModels())(0)
    assert np.abs(frame.image[HAIR].mean() - 128) < 15


def test_a_run_that_was_killed_paints_what_is_missing_and_ends_the_same(target, painter, tmp_path):
    folder = tmp_path / "bald"
    painter.fails_at = 1
    with pytest.raises(KeyboardInterrupt):
        diffusion.painted(target, folder=folder, models=DiffusionModels())
    assert (folder / "mask" / "1.png").is_file() and not (folder / "2.png").exists()
    first = (folder / "1.png").stat().st_mtime_ns
    painter.fails_at = None
    frames = diffusion.painted(target, folder=folder, models=DiffusionModels())
    assert len(painter.calls) == 2 and (folder / "1.png").stat().st_mtime_ns == first
    whole = diffusion.painted(target, folder=tmp_path / "whole", models=DiffusionModels())
    for index in range(3):
        np.testing.assert_array_equal(frames(index).image, whole(index).image)


def test_frames_that_are_there_need_no_models(target, painter, tmp_path, monkeypatch):
    diffusion.painted(target, folder=tmp_path / "bald", models=DiffusionModels())
    monkeypatch.setattr(diffusion, "StableDiffusion", None)
    assert diffusion.painted(target, folder=tmp_path / "bald", models=DiffusionModels(device="cpu"))(0).changed.any()


def test_models_that_are_missing_leave_nothing_behind(target, painter, tmp_path, monkeypatch):
    def gone(models):
        raise UserError("not here")

    monkeypatch.setattr(diffusion, "StableDiffusion", gone)
    with pytest.raises(UserError, match="not here"):
        diffusion.painted(target, folder=tmp_path / "bald", models=DiffusionModels())
    assert not (tmp_path / "bald").exists()


def test_frames_of_other_models_or_another_clip_are_not_taken(target, painter, tmp_path):
    folder = tmp_path / "bald"
    diffusion.painted(target, folder=folder, models=DiffusionModels())
    with pytest.raises(UserError, match="does not hold this clip's frames by these models; remove it to paint anew"):
        diffusion.painted(target, folder=folder, models=DiffusionModels(base="another"))
    record = json.loads((folder / "bald.json").read_text())
    (folder / "bald.json").write_text(json.dumps(record | {"target_sha256": "0"}))
    with pytest.raises(UserError, match="does not hold this clip's frames"):
        diffusion.painted(target, folder=folder, models=DiffusionModels())
