"""Configs: every one of the project's own becomes settings; a wrong entry is one sentence."""

import pathlib

import pytest

from pegasus_jax.config import load_config
from pegasus_jax.errors import UserError
from pegasus_jax.training.settings import from_config
from tests.training import tiny

CONFIGS = sorted(path for path in (pathlib.Path(__file__).parents[2] / "configs").glob("*.py"))


@pytest.mark.parametrize("variant", ["", ":quick"], ids=["plain", "quick"])
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_projects_configs_become_settings(path, variant):
    settings = from_config(load_config(f"{path}{variant}"))
    assert settings.preset == path.stem
    assert 0 < settings.cloud.init_points <= settings.cloud.max_points
    assert isinstance(hash(settings.step), int), "what is static in a compiled step must hash"
    if not variant:
        quick = from_config(load_config(f"{path}:quick"))
        assert quick.step.total_frames < settings.step.total_frames / 5


def test_published_numbers_stand_in_the_paper_config():
    settings = from_config(load_config(str(next(path for path in CONFIGS if path.stem == "pegasus"))))
    assert (settings.cloud.init_points, settings.cloud.max_points) == (400, 174_000)
    assert (settings.cloud.init_radius, settings.cloud.min_radius) == (0.16875, 0.005)
    assert settings.step.rates.networks == 1e-4 and settings.step.rates.latents == 5e-4
    assert settings.step.flame_halvings == (20_000, 40_000, 60_000, 80_000)
    assert settings.networks.canonical_width == 512 and settings.networks.deformation_width == 128


def test_an_unknown_entry_is_named_with_its_group():
    config = tiny.config()
    with config.unlocked():
        config.cloud.max_point = 3
    with pytest.raises(UserError, match=r"config's cloud has no entry named max_point; it knows init, init_points"):
        from_config(config)


def test_a_missing_entry_is_named_with_its_group():
    config = tiny.config()
    with config.unlocked():
        del config.step.rates.decay
    with pytest.raises(UserError, match=r"The config's step\.rates lacks decay\."):
        from_config(config)


def test_a_missing_entry_at_the_top_is_named():
    config = tiny.config()
    with config.unlocked():
        del config.seed
    with pytest.raises(UserError, match=r"The config's top level lacks seed\."):
        from_config(config)


def test_lists_become_tuples():
    assert from_config(tiny.config(step__flame_halvings=[1, 2])).step.flame_halvings == (1, 2)
