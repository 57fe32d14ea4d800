"""Configs: every one of the project's own becomes settings; a wrong entry is one sentence."""

import pathlib

import pytest

from pegasus_jax.config import load_config
from pegasus_jax.errors import UserError
from pegasus_jax.training.settings import from_config, with_looks
from tests.training import tiny

CONFIGS = sorted(path for path in (pathlib.Path(__file__).parents[2] / "configs").glob("*.py"))
OF_POINTS = [path for path in CONFIGS if not path.stem.startswith(("gaussians", "perse"))]
TWO_STAGES = [path for path in CONFIGS if path.stem in ("laptop", "pegasus")]


@pytest.mark.parametrize("variant", ["", ":quick"], ids=["plain", "quick"])
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_projects_configs_become_settings(path, variant):
    settings = from_config(load_config(f"{path}{variant}"))
    assert settings.preset == path.stem
    assert isinstance(hash(settings.model), int), "what is static in a compiled step must hash"
    assert all(0 < one.until < settings.total_frames for one in settings.coarse)
    if not variant:
        quick = from_config(load_config(f"{path}:quick"))
        assert quick.total_frames < settings.total_frames / 5


@pytest.mark.parametrize("path", OF_POINTS, ids=lambda path: path.stem)
def test_clouds_do_not_begin_larger_than_they_may_become(path):
    cloud = from_config(load_config(str(path))).model.cloud
    assert 0 < cloud.init_points <= cloud.max_points


@pytest.mark.parametrize("variant", [":generative", ":generative,quick"])
@pytest.mark.parametrize("path", TWO_STAGES, ids=lambda path: path.stem)
def test_generative_variants_have_two_stages_and_the_normal_loss(path, variant):
    settings = from_config(load_config(f"{path}{variant}"))
    assert 0 < settings.stage_one_frames < settings.total_frames
    assert settings.model.step.weights.normal > 0 and "normals" in settings.model.step.render.channels
    assert settings.model.networks.gc == "learned", "parts could not move in the generic canonical space"
    with pytest.raises(ValueError, match="knows no variant 'tiny'; it has quick"):
        load_config(f"{path}:generative,tiny")


def test_the_normal_loss_needs_normals():
    with pytest.raises(UserError, match=r"step\.weights\.normal compares rendered normals: add 'normals' to"):
        from_config(tiny.config(step__weights__normal=0.1))


def test_part_swapped_folders_need_a_second_stage():
    folders = [pathlib.Path("me__hair_ada")]
    for first in (None, 48):
        with pytest.raises(UserError, match=r"me__hair_ada is part-swapped, and this config has no second stage"):
            with_looks(from_config(tiny.config(stage_one_frames=first)), ["hair"], swapped=folders)
    settings = with_looks(from_config(tiny.config(stage_one_frames=0)), ["hair"], swapped=folders)
    assert settings.model.networks.look_categories == ("hair",)
    assert with_looks(from_config(tiny.config()), [], swapped=[]) == from_config(tiny.config())


def test_published_numbers_stand_in_the_paper_config():
    settings = from_config(load_config(str(next(path for path in CONFIGS if path.stem == "pegasus"))))
    assert (settings.model.cloud.init_points, settings.model.cloud.max_points) == (400, 174_000)
    assert (settings.model.cloud.init_radius, settings.model.cloud.min_radius) == (0.16875, 0.005)
    assert settings.model.step.rates.networks == 1e-4 and settings.model.step.rates.latents == 5e-4
    assert settings.model.step.flame_halvings == (20_000, 40_000, 60_000, 80_000)
    assert settings.model.networks.canonical_width == 512 and settings.model.networks.deformation_width == 128


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
    assert from_config(tiny.config(step__flame_halvings=[1, 2])).model.step.flame_halvings == (1, 2)
