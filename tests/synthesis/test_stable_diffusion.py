"""The pipeline itself, with tiny random models built on disk; nothing is downloaded."""

import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.synthesis import stable_diffusion
from pegasus_jax.synthesis.stable_diffusion import DiffusionModels, StableDiffusion

pytestmark = [  # theirs, of each other
    pytest.mark.filterwarnings(f"ignore::Warning:{package}") for package in ("diffusers", "huggingface_hub")
]

WORDS = {"prompt": "bald", "negative_prompt": "hair", "seed": 1}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    for name in ("torch", "diffusers", "transformers"):
        pytest.importorskip(name, reason="needs the extra: pip install -e '.[diffusion]'")
    from tests.synthesis.tiny_diffusion import write_models

    base, controlnet = write_models(tmp_path_factory.mktemp("models"))
    return DiffusionModels(base=str(base), controlnet=str(controlnet), device="cpu")


@pytest.fixture(scope="module")
def painter(models):
    with StableDiffusion(models) as painter:
        yield painter


def frame(height: int = 64, width: int = 48) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    mask = np.zeros((height, width), bool)
    mask[: height // 2] = True
    return image, mask, np.where(mask[..., None], np.float32(-1.0), image / np.float32(255.0))


def test_a_seed_paints_the_same_again_and_another_one_differs(painter):
    first = painter(*frame(), **WORDS)
    assert first.shape == (64, 48, 3) and first.dtype == np.uint8 and first.std() > 1
    np.testing.assert_array_equal(painter(*frame(), **WORDS), first)
    assert (painter(*frame(), **WORDS | {"seed": 2}) != first).mean() > 0.3


def test_words_mask_and_control_picture_all_reach_the_models(painter):
    image, mask, control = frame()
    first = painter(image, mask, control, **WORDS)
    for changed in (
        painter(image, mask, control, **WORDS | {"prompt": "smooth"}),
        painter(image, mask, control, **WORDS | {"negative_prompt": "wrinkles"}),
        painter(image, np.roll(mask, 16, axis=0), control, **WORDS),
        painter(image, mask, np.abs(control), **WORDS),
    ):
        assert np.any(changed != first)


def test_it_paints_by_the_papers_sampler_in_twenty_steps(painter):
    assert type(painter._pipeline.scheduler).__name__ == "UniPCMultistepScheduler"
    painter(*frame(), **WORDS)
    assert painter._pipeline.scheduler.num_inference_steps == 20


def test_models_that_are_not_there_are_told(models, tmp_path):
    broken = DiffusionModels(base=str(tmp_path / "gone"), controlnet=models.controlnet, device="cpu")
    with pytest.raises(UserError, match=r"--diffusion_model=.*gone cannot be loaded .* docs/bald.md"):
        StableDiffusion(broken)
    broken = DiffusionModels(base=models.base, controlnet="nobody/nothing", device="cpu")
    with pytest.raises(UserError, match="--diffusion_controlnet=nobody/nothing cannot be loaded"):
        StableDiffusion(broken)


def test_a_gpu_that_is_not_there_is_told(models):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(UserError, match="--device=gpu: torch finds no CUDA GPU"):
        StableDiffusion(DiffusionModels(base=models.base, controlnet=models.controlnet, device="gpu"))


def test_a_missing_extra_is_told(monkeypatch):
    monkeypatch.setattr(stable_diffusion.importlib.util, "find_spec", lambda name: None if name == "torch" else name)
    with pytest.raises(UserError, match=r"--bald=diffusion needs torch; install: pip install -e '.\[diffusion\]'"):
        StableDiffusion(DiffusionModels())
