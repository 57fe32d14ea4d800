"""Baked looks of Gaussians without this package."""

import importlib.util
import pathlib

import numpy as np
import pytest

from pegasus_jax.families.gaussians.drawing import _project
from pegasus_jax.families.gaussians.portable import portable_arrays, write_portable
from pegasus_jax.families.gaussians.posing import pose_gaussians
from tests.families.elsewhere import draw_elsewhere

from . import small
from .test_baked import doing, some_look

_ROOT = pathlib.Path(__file__).parents[3]
SIDE = 48


@pytest.fixture(scope="module")
def look():
    return some_look()


@pytest.fixture(scope="module")
def program():
    """`docs/pose_gaussians.py`."""
    spec = importlib.util.spec_from_file_location("pose_gaussians", _ROOT / "docs" / "pose_gaussians.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_program_draws_the_same_picture_where_this_package_is_not(look, tmp_path):
    write_portable(tmp_path / "baked.npz", look, image_size=SIDE)
    params, camera = doing(seed=3), small.camera(SIDE)
    out = draw_elsewhere(tmp_path / "baked.npz", params, camera, tmp_path)
    expected = look.render(params, camera)
    assert out["overflow"] == 0 and float(expected.alpha.max()) > 0.3
    assert np.abs(out["image"] - expected.image).max() < 2e-3
    assert np.abs(out["alpha"] - expected.alpha).max() < 2e-3


def test_numpy_alone_poses_it(look, program):
    params = doing(seed=5)
    found = program.gaussians(portable_arrays(look), np.asarray(params.pose), np.asarray(params.expression))
    posed = pose_gaussians(look.params, look.rig, params.expression, params.pose)
    factors = np.moveaxis(np.asarray(posed.factors, np.float64), 2, 0)
    assert np.allclose(found["means"], np.asarray(posed.means).T, atol=1e-5)
    assert np.allclose(found["covariances"], factors @ factors.transpose(0, 2, 1), atol=1e-7)
    assert np.allclose(found["colours"], np.asarray(posed.colours).T, atol=1e-4)
    assert np.allclose(found["opacities"], posed.opacities, atol=1e-6)


def test_numpy_alone_projects_it(look, program):
    params, camera = doing(), small.camera(SIDE)
    T_camera_world, intrinsics = np.asarray(camera.T_camera_world), np.asarray(camera.intrinsics)
    arrays = portable_arrays(look)
    frame = program.gaussians(arrays, np.asarray(params.pose), np.asarray(params.expression))
    means2d, inverse, depths = program.project(frame, T_camera_world, intrinsics, SIDE, float(look.training_side))
    posed = pose_gaussians(look.params, look.rig, params.expression, params.pose, T_camera_world=camera.T_camera_world)
    blur = 1 / 12 + (0.3 - 1 / 12) * (SIDE / 64) ** 2
    expected, conics, expected_depths = _project(posed, camera.intrinsics, blur)
    assert np.allclose(means2d, expected, atol=1e-3) and np.allclose(depths, expected_depths, atol=1e-5)
    found = np.stack([inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 1]], axis=1)
    assert np.allclose(found, conics, rtol=1e-3, atol=1e-4)
