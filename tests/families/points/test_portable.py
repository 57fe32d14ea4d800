"""Baked looks without this package."""

import dataclasses
import importlib.util
import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.data import read_dataset
from pegasus_jax.families.points.avatar import TrainedPointAvatar
from pegasus_jax.families.points.fusion.blend import blending
from pegasus_jax.families.points.portable import PROGRAM, frame_points, portable_arrays, write_portable
from pegasus_jax.inference import fuse, load
from tests.families.elsewhere import draw_elsewhere
from tests.families.points.fusion.avatars import write_avatars
from tests.families.points.test_avatar import drive_of, frame_of, psnr
from tests.inference.untrained import write_run

_ROOT = pathlib.Path(__file__).parents[3]
SIDE = 48


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("portable"))


@pytest.fixture(scope="module")
def baked(folders):
    avatar = load(folders.run)
    return avatar.bake(avatar.latent("hair/ada"))


@pytest.fixture(scope="module")
def path(baked, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "baked.npz"
    write_portable(path, baked, image_size=SIDE)
    return path


@pytest.fixture(scope="module")
def drive(folders):
    dataset = read_dataset(folders.data)
    return drive_of(dataset, image_size=(SIDE, SIDE))


def test_the_program_draws_the_same_picture_where_this_package_is_not(baked, path, drive, tmp_path):
    params, camera = frame_of(drive, 2)
    out = draw_elsewhere(path, params, camera, tmp_path)
    expected = baked.render(params.with_betas(baked.betas), camera)
    assert out["overflow"] == 0 and float(expected.alpha.max()) > 0.9
    assert psnr(out["image"], expected.image) > 60 and psnr(out["alpha"], expected.alpha) > 60


@pytest.fixture(scope="module")
def reader():
    spec = importlib.util.spec_from_file_location("pose_baked", _ROOT / "docs" / "pose_baked.py")
    reader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reader)
    return reader


@pytest.fixture(scope="module")
def fused(tmp_path_factory):
    """A look of two avatars with different canonical states, shapes, radii and modes; a third of the part is filler."""
    _, source, target = write_avatars(tmp_path_factory.mktemp("fused"))
    rested = tuple(np.asarray(target.description.canonical_expression) + np.linspace(-0.3, 0.3, 50))
    shape = tuple(np.asarray(target.description.betas) + 0.2)
    other = dataclasses.replace(target.description, canonical_expression=rested, betas=shape)
    target = TrainedPointAvatar(other, target.networks, target.points_gc[:-20], target.part[:-20], 0.8 * target.radius)
    baked = fuse(source, target, ["hair"]).bake()
    at_rest = baked.frame_points(FlameParams(baked.betas, jnp.zeros(50), jnp.zeros(15))).positions_d
    target_d, source_d = np.split(np.asarray(at_rest), [len(baked.kept)])
    filler = np.asarray(baked.taken) & (np.arange(len(baked.taken)) % 3 == 0)
    return dataclasses.replace(baked, blending=blending(filler, source_d, target_d, np.asarray(baked.kept)))


def test_a_fused_look_is_posed_as_any_other(fused, reader, drive):
    params, _ = frame_of(drive, 3)
    pose, expression = params.pose, params.expression
    drawn = fused.frame_points(params.with_betas(fused.betas))
    expected = {name: np.asarray(value)[np.asarray(drawn.alive)] for name, value in vars(drawn).items()}
    arrays = portable_arrays(fused)
    assert 0 < len(arrays["lent_to"]) < len(arrays["opacity"]) == int(drawn.alive.sum())
    got = frame_points(arrays, pose, expression)
    assert got.alive is None
    for name in ("positions_d", "normals_d", "shading", "albedo", "seg_logit", "opacity", "inner", "radius"):
        np.testing.assert_allclose(getattr(got, name), expected[name], atol=2e-5, err_msg=name)
    by_numpy = reader.points(arrays, np.asarray(pose), np.asarray(expression))
    np.testing.assert_allclose(by_numpy["positions"], expected["positions_d"], atol=2e-5)
    assert np.quantile(np.abs(by_numpy["normals"] - expected["normals_d"]), 0.99) < 1e-3
    colour = np.clip(2.0 * expected["shading"] * expected["albedo"], 0.0, 1.0)
    assert np.abs(by_numpy["colour"] - colour).max() < 0.05


def test_numpy_alone_poses_the_arrays(baked, path, drive, reader):
    assert len((_ROOT / "docs" / "pose_baked.py").read_text().splitlines()) <= 60
    params, _ = frame_of(drive, 3)
    pose, expression = params.pose, params.expression
    with np.load(path) as stored:
        got = reader.points({name: stored[name] for name in stored if name != PROGRAM}, pose, expression)
    expected = baked.frame_points(params.with_betas(baked.betas))
    np.testing.assert_allclose(got["positions"], expected.positions_d, atol=1e-5)
    assert np.quantile(np.abs(got["normals"] - expected.normals_d), 0.99) < 1e-3
    colour = np.clip(2.0 * np.asarray(expected.shading * expected.albedo), 0.0, 1.0)
    assert np.abs(got["colour"] - colour).max() < 0.05, "the nearest entry instead of what lies between"
    np.testing.assert_allclose(got["radius"], expected.radius)
