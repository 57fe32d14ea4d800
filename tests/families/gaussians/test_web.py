"""What a web page poses a look from: close to the look, and the same numbers on the other side."""

import base64
import dataclasses
import gzip
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core import metrics
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.gaussians.family import web_arrays
from pegasus_jax.families.gaussians.posing import pose_gaussians
from pegasus_jax.families.gaussians.web import drawn_from
from pegasus_jax.families.quantised import Quantised

from . import small
from .test_baked import doing, some_look

FIXTURE = pathlib.Path(__file__).parents[3] / "web" / "test" / "fixtures" / "small"  # `write_web_fixture` made it


@pytest.fixture(scope="module")
def look():
    return some_look()


def test_rounded_numbers_draw_the_same_picture(look):
    _, drawn = web_arrays(look)
    for seed in range(4):
        params, camera = doing(seed), small.camera(64)
        expected, found = (one.render(params, camera) for one in (look, drawn))
        assert float(expected.alpha.max()) > 0.3
        assert float(metrics.psnr(found.image, expected.image)) > 45


def test_corners_move_gaussians_as_their_own_share_of_the_bases_does(look):
    _, drawn = web_arrays(look)
    assert drawn.rig.motion.shape == look.rig.motion.shape and look.rig.motion.shape[2] > 50
    assert np.abs(drawn.rig.motion[:, :3] - look.rig.motion[:, :3]).max() < 1e-5
    tangents = np.asarray(look.rig.motion[:, 3:])
    assert np.abs(drawn.rig.motion[:, 3:] - tangents).max() < 1e-3 * np.abs(tangents).max()


def test_another_shape_and_edits_are_in_the_numbers(look):
    betas = np.zeros(100, np.float32)
    betas[:3] = 1.0
    other = look.on_shape(betas).edited(opacities=jnp.full(600, 0.5))
    _, drawn = web_arrays(other)
    params, camera = doing(), small.camera(64)
    assert float(metrics.psnr(drawn.render(params, camera).image, other.render(params, camera).image)) > 45
    assert float(metrics.psnr(drawn.render(params, camera).image, look.render(params, camera).image)) < 40


def test_large_arrays_are_small_integers(look):
    arrays, _ = web_arrays(look)
    kinds = {name: array.values.dtype for name, array in arrays.items() if isinstance(array, Quantised)}
    assert all(kinds[f"basis_{name}"] == "int8" for name in ("offset", "rotation", "colour"))
    assert kinds["corner_motion"] == "int16" and arrays["corners"].dtype == "uint16"


def test_what_the_typescript_rig_is_compared_with_is_what_python_says():
    stored, expected = _read_fixture()
    look = drawn_from(some_look_of(60), stored)
    for frame in expected["frames"]:
        params = _frame(frame)
        posed = pose_gaussians(look.params, look.rig, params.expression, params.pose)
        for name, array in _posed(posed).items():
            np.testing.assert_allclose(np.reshape(frame[name], array.shape), array, atol=2e-5, err_msg=name)
    camera = _camera(expected)
    image = look.render(_frame(expected["frames"][0]), camera).image
    np.testing.assert_allclose(np.reshape(expected["image"], image.shape), image, atol=2e-3)


def some_look_of(count):
    """A look of so many Gaussians, some of whose opacities are low and some of which sort farther."""
    look = some_look()
    rows = np.linspace(0, 599, count).astype(int)
    rig = small.rigged(places=jax.tree.map(lambda array: np.asarray(array)[rows], look.binding))[0]
    params = small.random_params(rig, num_bases=2, seed=1)
    rng = np.random.default_rng(0)
    opacity_logit = jnp.asarray(rng.normal(0.0, 2.0, count), jnp.float32)
    log_scale = jnp.asarray(rng.normal(-2.2, 0.4, (3, count)), jnp.float32)
    colour = jnp.asarray(rng.uniform(-0.1, 1.1, (3, count)), jnp.float32)
    params = dataclasses.replace(params, opacity_logit=opacity_logit, log_scale=log_scale, colour=colour)
    binding = jax.tree.map(lambda array: jnp.asarray(np.asarray(array)[rows]), look.binding)
    return dataclasses.replace(look, params=params, rig=rig, binding=binding)


def write_web_fixture():
    """Writes what `web/test/rig.test.ts` reads: an avatar as a page has it, and frames of it as Python poses them."""
    from pegasus_jax.inference.web import pack, script

    arrays, look = web_arrays(some_look_of(60))
    described, content = pack(arrays)
    FIXTURE.with_suffix(".js").write_text(script({"format": 1, "arrays": described}, content))
    frames, camera = [], small.camera(24)
    for seed in range(3):
        params = doing(seed)
        posed = pose_gaussians(look.params, look.rig, params.expression, params.pose)
        frames.append({"pose": params.pose, "expression": params.expression} | _posed(posed))
    expected = {
        "frames": frames,
        "T_camera_world": camera.T_camera_world,
        "intrinsics": camera.intrinsics,
        "side": 24,
        "image": look.render(doing(0), camera).image,
        "depth_bias": look.rig.depth_bias,
        "opacities": look.opacities,
    }
    as_lists = jax.tree.map(lambda leaf: np.round(np.asarray(leaf, np.float64).ravel(), 7).tolist(), expected)
    FIXTURE.with_suffix(".json").write_text(json.dumps(as_lists) + "\n")


def _posed(posed):
    """(N, 3), (N, 6) and (N, 3), as a page has them."""
    factors = np.moveaxis(np.asarray(posed.factors, np.float64), 2, 0)
    covariances = (factors @ factors.transpose(0, 2, 1)).reshape(-1, 9)[:, [0, 1, 2, 4, 5, 8]]
    return {"means": np.asarray(posed.means).T, "covariances": covariances, "colours": np.asarray(posed.colours).T}


def _frame(frame):
    return FlameParams(jnp.zeros(100), *(jnp.asarray(frame[name], jnp.float32) for name in ("expression", "pose")))


def _camera(expected):
    side = int(expected["side"][0])
    T_camera_world = jnp.asarray(np.reshape(expected["T_camera_world"], (3, 4)), jnp.float32)
    return Camera(T_camera_world, jnp.asarray(expected["intrinsics"], jnp.float32), (side, side))


def _read_fixture():
    header, packed = json.loads(FIXTURE.with_suffix(".js").read_text().partition(" = ")[2].rstrip().rstrip(";"))
    content, arrays = gzip.decompress(base64.b64decode(packed)), {}
    for place in header["arrays"]:
        count = int(np.prod(place["shape"]))
        values = np.frombuffer(content, place["type"], count, place["offset"]).reshape(place["shape"])
        steps = place.get("steps")
        arrays[place["name"]] = values if steps is None else Quantised(values, np.asarray(steps, np.float32))
    return arrays, json.loads(FIXTURE.with_suffix(".json").read_text())
