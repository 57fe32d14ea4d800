"""Imported avatars against the published equations: the same points, normals and pixels at equal weights."""

import jax.numpy as jnp
import numpy as np
import pytest

import pegasus_jax as pj
from pegasus_jax.core.render import RenderOptions
from pegasus_jax.families.points.published import import_avatar
from tests.families.points.published import cases

SIDE = 48


@pytest.fixture(scope="module", params=cases.CASES)
def run(request, tmp_path_factory):
    return cases.write(tmp_path_factory.mktemp("run"), cases.CASES[request.param])


@pytest.fixture(scope="module")
def avatar(run, tmp_path_factory):
    """Imported, written and opened again."""
    out = tmp_path_factory.mktemp("imported") / "avatar.npz"
    import_avatar(
        run.checkpoint,
        head=run.head_path,
        out=out,
        canonical_expression=run.expression_path,
        looks=run.sizes.looks,
    )
    return pj.load(out)


def frames(count: int):
    """betas, expression, pose, world_mat (turned too), intrinsics and image sizes, one of them not square."""
    rng = np.random.default_rng(5)
    for index in range(count):
        angle = 0.3 * index
        rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        yield (
            0.5 * rng.normal(size=100),
            0.5 * rng.normal(size=50),
            0.15 * rng.normal(size=15),
            np.hstack([rotation, [[0.05 * index], [-0.03], [-4.0]]]),
            np.array([-2.9, 3.0, 0.51, 0.48]),
            (SIDE, SIDE + 16 * (index == 1)),
        )


def looks_of(run) -> list[tuple[str | None, str | None]]:
    """(folder of the training list, name of ours) of the person and of every look."""
    return [(None, None), *((name, name.replace("_", "/")) for name in run.sizes.looks)]


def test_points_and_normals_agree(run, avatar):
    for (theirs, ours), (betas, expression, pose, *_) in zip(looks_of(run), frames(3)):
        expected_points, expected_normals = run.oracle(theirs).deform(betas, expression, pose)
        baked = avatar.bake(avatar.latent(ours))
        shape = betas if run.sizes.code_size else avatar.betas  # PointAvatar's is in its template
        posed = baked.frame_points(pj.FlameParams(*(jnp.asarray(a, jnp.float32) for a in (shape, expression, pose))))
        np.testing.assert_allclose(posed.positions_d, expected_points, atol=1e-5)
        np.testing.assert_allclose(posed.normals_d, expected_normals, atol=1e-3)


def test_pixels_agree(run, avatar):
    worn = looks_of(run)
    for index, (betas, expression, pose, world_mat, intrinsics, image_size) in enumerate(frames(3)):
        theirs, ours = worn[index % len(worn)]
        expected = run.oracle(theirs).render(betas, expression, pose, world_mat, intrinsics, cases.RADIUS, image_size)
        camera = pj.Camera.from_imavatar(world_mat, intrinsics, image_size=image_size)
        shape = np.asarray(betas if run.sizes.code_size else avatar.betas, np.float32)
        params = pj.FlameParams(shape, expression, pose)
        look = avatar.canonical(avatar.latent(ours))
        channels = ("rgb", "normals", "albedo", "shading", "seg_logit")
        out = look.render(params, camera, options=RenderOptions(channels=channels))
        assert out.alpha.max() > 0.9 and (np.asarray(out.alpha) > 0.1).mean() > 0.1, "there is something to compare"
        for name in ("image", "alpha", "normals", "albedo", "shading"):
            error = np.abs(np.asarray(getattr(out, name)) - expected[name])
            assert np.quantile(error, 0.999) < 2e-3, name
        if expected["seg"] is not None:
            scale = np.abs(expected["seg"]).max()
            assert np.quantile(np.abs(np.asarray(out.seg_logit) - expected["seg"]), 0.999) < 2e-3 * max(scale, 1.0)


def test_what_was_imported(run, avatar):
    assert avatar.looks == ("me", *(name.replace("_", "/") for name in run.sizes.looks))
    assert avatar.points_gc.shape == (150, 3)
    assert float(avatar.radius) == np.float32(cases.RADIUS)
    assert avatar.model.max_points_per_pixel == 10
    np.testing.assert_allclose(avatar.space.expression_c, run.expression_c)
    np.testing.assert_array_equal(avatar.head.v_template, run.state["FLAMEServer.v_template"])
