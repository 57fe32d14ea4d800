"""Opening, baking and rendering avatars."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pegasus_jax as pj
from pegasus_jax.core import avatar as avatar_module
from pegasus_jax.core import latents
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.core.render import RenderOptions
from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from pegasus_jax.families.free_points.head_space import nearest_vertices
from pegasus_jax.families.points.frame import render_frames
from pegasus_jax.families.points.networks import canonicalise, flame_canonical
from pegasus_jax.inference import load
from tests.inference.untrained import trained_further, write_run
from tests.training import tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("avatar"))


@pytest.fixture(scope="module")
def avatar(folders):
    return load(folders.run)


@pytest.fixture(scope="module")
def drive(folders):
    dataset = read_dataset(folders.data)
    return drive_of(dataset, image_size=(16, 16))


def drive_of(dataset, *, image_size) -> Motion:
    params = FlameParams.of_frames(dataset.betas, dataset.expression, dataset.pose)
    return Motion(params, dataset.cameras(image_size=image_size))


def frame_of(drive, index):
    frame = drive.frames(index)
    return frame.params, frame.cameras


def test_an_exported_avatar_renders_as_its_work_folder_does(folders, avatar, drive, tmp_path):
    avatar.save(tmp_path / "me.npz")
    exported = pj.load(tmp_path / "me.npz")
    assert exported.looks == avatar.looks == ("me", "hair/ada", "hair/cleo", "nose/ben")
    assert exported.points_gc.shape == (250, 3), "dead slots are left behind"
    one, other = (a.render(*frame_of(drive, 2)) for a in (avatar, exported))
    assert float(one.alpha.max()) > 0.9
    jax.tree.map(np.testing.assert_array_equal, one, other)


def psnr(got, expected) -> float:
    return -10.0 * float(np.log10(np.mean((np.asarray(got) - np.asarray(expected)) ** 2)))


@pytest.mark.parametrize("dtype, floor", [("float32", 50.0), ("float16", 40.0)])
def test_a_baked_look_renders_as_the_networks_themselves_do(avatar, drive, dtype, floor):
    networks, space = avatar.networks, avatar.space
    z = latents.flatten(avatar.latent("hair/ada"))
    nearest = nearest_vertices(space, flame_canonical(networks, avatar.points_gc, z), avatar.part)
    points = canonicalise(networks, space, avatar.points_gc, z, nearest, avatar.part, jacobian_gradient=True)
    baked = avatar.bake(avatar.latent("hair/ada"), dtype=dtype)
    for index in range(3):
        params, camera = frame_of(drive, index)
        frame = Motion(jax.tree.map(jnp.asarray, params), camera.resized((64, 64)))
        options = RenderOptions(channels=("rgb", "normals", "albedo", "shading", "seg_logit"))
        batch = jax.tree.map(lambda array: array[None], frame)
        expected = render_frames(networks, space, points, z, batch, radius=avatar.radius, alive=None, options=options)
        expected = jax.tree.map(lambda array: array[0], expected)
        got = baked.render(frame.params, frame.cameras, options=options)
        assert float(expected.alpha.max()) > 0.9, "there is something to compare"
        for name in ("image", "alpha", "normals", "albedo", "shading"):
            assert psnr(getattr(got, name), getattr(expected, name)) > floor, name
        scale = float(jnp.abs(expected.seg_logit).max())
        assert psnr(got.seg_logit / scale, expected.seg_logit / scale) > floor


def test_float16_takes_less_memory(avatar):
    whole, half = (
        sum(leaf.nbytes for leaf in jax.tree.leaves(avatar.bake(dtype=d).points)) for d in ("float32", "float16")
    )
    assert half < 0.7 * whole


def test_looks_share_one_compilation(avatar, drive):
    avatar.bake().render(*frame_of(drive, 0))
    before = avatar_module._render._cache_size()
    avatar.bake(avatar.latent("hair/cleo", nose="nose/ben")).render(*frame_of(drive, 1))
    assert avatar_module._render._cache_size() == before


def test_looks_differ_in_their_own_category_alone(avatar):
    filmed, *looks = (avatar.latent(name) for name in avatar.looks)
    for look, category in zip(looks, ("hair", "hair", "nose")):
        changed = {name for name in filmed if not np.array_equal(filmed[name], look[name])}
        assert changed == {category}
    assert avatar.latent().keys() == filmed.keys()
    assert all(np.array_equal(avatar.latent()[name], filmed[name]) for name in filmed)


def test_an_unknown_look_is_named_with_the_known_ones(avatar):
    with pytest.raises(UserError, match="no look named 'hair/eve'; it has me, hair/ada, hair/cleo, nose/ben"):
        avatar.latent("hair/eve")


def test_looks_are_swapped_and_blended_by_name(avatar):
    filmed, ada, ben = (avatar.latent(name) for name in ("me", "hair/ada", "nose/ben"))
    z = avatar.latent("me", hair="hair/ada", nose=("nose/ben", 0.3))
    np.testing.assert_array_equal(z["hair"], ada["hair"])
    np.testing.assert_allclose(z["nose"], filmed["nose"] + 0.3 * (ben["nose"] - filmed["nose"]), rtol=1e-6)
    others = set(filmed) - {"hair", "nose"}
    assert all(np.array_equal(z[name], filmed[name]) for name in others)


def test_an_avatar_keeps_its_identity_in_every_form_and_shares_it_with_no_other(folders, avatar, tmp_path):
    avatar.save(tmp_path / "me.npz")
    assert load(tmp_path / "me.npz").fingerprint == avatar.fingerprint == load(folders.run).fingerprint
    assert trained_further(avatar).fingerprint != avatar.fingerprint == load(folders.run).fingerprint


def test_another_look_or_shape_is_another_picture(avatar, drive):
    frame = frame_of(drive, 0)
    filmed = avatar.render(*frame)
    assert np.abs(avatar.render(*frame, latent=avatar.latent("hair/ada")).image - filmed.image).max() > 1e-3
    other = frame[0].with_betas(avatar.betas + 1.0)
    assert np.abs(avatar.render(other, frame[1]).image - filmed.image).max() > 1e-3
    few = avatar.render(*frame, options=RenderOptions(max_points_per_pixel=1))
    assert float(few.alpha.sum()) < float(filmed.alpha.sum())


def test_a_clip_equals_its_frames(avatar, drive):
    some = drive.frames(slice(3))
    clip = avatar.render(some.params, some.cameras)
    assert clip.image.shape == clip.normals.shape == (3, 16, 16, 3) and clip.alpha.shape == (3, 16, 16)
    for index in range(3):
        one = avatar.render(*frame_of(drive, index))
        assert one.image.shape == (16, 16, 3) and one.seg_logit.shape == (16, 16)
        np.testing.assert_allclose(clip.image[index], one.image, atol=1e-5)


def test_rendering_works_under_jit_and_vmap(avatar, drive):
    baked = avatar.bake()
    some = drive.frames(slice(2))

    @jax.jit
    def images(baked, params):
        return jax.vmap(lambda one, camera: baked.render(one, camera).image)(params, some.cameras)

    expected = baked.render(some.params, some.cameras).image
    np.testing.assert_allclose(images(baked, jax.tree.map(jnp.asarray, some.params)), expected, atol=1e-5)


def test_a_changed_head_model_is_told_by_its_name(folders, tmp_path):
    run = shutil.copytree(folders.run, tmp_path / "run")
    head = tiny.write_head(tmp_path / "head.npz", seed=7)
    description = json.loads((run / "avatar.json").read_text())
    (run / "avatar.json").write_text(json.dumps(description | {"head_path": str(head)}))
    with pytest.raises(
        UserError, match=r"trained with the head model head \(.{8}…\), but .*head\.npz is head .*put the"
    ):
        load(run)


def test_a_head_model_that_is_gone_is_told(folders, tmp_path):
    run = shutil.copytree(folders.run, tmp_path / "run")
    description = json.loads((run / "avatar.json").read_text())
    (run / "avatar.json").write_text(json.dumps(description | {"head_path": str(tmp_path / "gone.npz")}))
    with pytest.raises(UserError, match=r"there is no head model at .*gone\.npz"):
        load(run)


@pytest.mark.parametrize("kind", ["no_checkpoint", "empty_folder", "other_file", "missing", "other_npz", "damaged_npz"])
def test_what_is_no_avatar_is_one_sentence(kind, folders, tmp_path):
    path, sentence = tmp_path / "x", "holds no checkpoint yet; train first: launch.py train"
    if kind == "no_checkpoint":
        path.mkdir()
        shutil.copy(folders.run / "avatar.json", path)
    elif kind == "empty_folder":
        path.mkdir()
    elif kind == "other_npz":
        path, sentence = folders.head, "is not an avatar: it has neither a 'description' nor a 'fusion' entry"
    elif kind == "damaged_npz":
        path, sentence = tmp_path / "me.npz", r"me\.npz is not an \.npz of plain arrays \(.*\); fetch or write it again"
        path.write_bytes(b"PK\x03\x04 cut short")
    else:
        sentence = r"is neither a work folder nor an avatar's \.npz; give one of the two"
        if kind == "other_file":
            path.write_text("hello")
    with pytest.raises(UserError, match=sentence):
        load(path)


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"format": 99}, "is not an avatar description of format 2"),
        ({"model": {"networks": {"wings": 2}}}, "is damaged"),
        (None, r"avatar\.json cannot be read as json"),
    ],
    ids=["another_version", "other_networks", "cut_short"],
)
def test_a_description_that_does_not_fit_is_one_sentence(change, sentence, folders, tmp_path):
    run = shutil.copytree(folders.run, tmp_path / "run")
    text = (run / "avatar.json").read_text()
    (run / "avatar.json").write_text(json.dumps(json.loads(text) | change) if change else text[:40])
    with pytest.raises(UserError, match=sentence):
        load(run)


def spoilt(value):
    def spoil(array):
        array = array.copy()
        array.reshape(-1)[0] = value
        return array

    return spoil


@pytest.mark.parametrize(
    ("name", "spoil", "sentence"),
    [
        ("points", spoilt(np.nan), "points has values that are not between"),
        ("points", spoilt(1e30), "points has values that are not between"),
        ("points", lambda array: array[:0], r"points must have the shape \(N, 3\)"),
        ("part", lambda array: array[1:], "part must have the shape"),
        ("part", spoilt(7), "part has values that are not between -1 and 3"),
        ("part", lambda array: array.astype(float), "part holds float64, not int32"),
        ("radius", lambda array: array * np.inf, "radius has values that are not between"),
        ("radius", lambda array: -array, "radius has values that are not between"),
        (
            "networks.latents.base.value",
            spoilt(np.inf),
            r"networks\.latents\.base\.value has values that are not finite",
        ),
        (
            "networks.latents.base.value",
            lambda array: array[:, :1],
            r"networks\.latents\.base\.value must have the shape",
        ),
        ("networks.latents.base.value", lambda array: array.astype(complex), "holds complex128, not float32"),
        ("corrections", spoilt(np.nan), "corrections has values that are not finite"),
        ("corrections", lambda array: array[:1], r"corrections must have the shape \(4, 250, 4\)"),
        ("v_template", spoilt(np.nan), "v_template has values that are not between"),
        ("v_template", lambda array: array[1:], "v_template must have the shape"),
        ("description", lambda array: array.astype(float), "description is float64"),
        ("description", lambda array: array[:50], "description cannot be read as json"),
    ],
)
def test_arrays_that_no_avatar_has_are_named(name, spoil, sentence, avatar, tmp_path):
    arrays = avatar.arrays()
    arrays |= {"corrections": np.zeros((4, 250, 4), np.float32), "v_template": np.asarray(avatar.head.v_template)}
    np.savez(tmp_path / "me.npz", **arrays)
    assert load(tmp_path / "me.npz").looks == avatar.looks
    np.savez(tmp_path / "me.npz", **(arrays | {name: spoil(arrays[name])}))
    with pytest.raises(UserError, match=sentence):
        load(tmp_path / "me.npz")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d | {"betas": [0.0] * 3}, "betas must be 100 numbers"),
        (lambda d: d | {"betas": [float("nan")] * 100}, "betas is"),
        (lambda d: d | {"betas": [1e30] * 100}, "betas must be 100 numbers below 10000"),
        (lambda d: d | {"mean_pose": [0.0]}, "mean_pose must be 15 numbers"),
        (lambda d: d | {"looks": ["me", "me", "nose/ben", "x"]}, "looks must be names, each once"),
        (lambda d: d | {"looks": ["me"]}, "1 looks need 0 categories"),
        (lambda d: d | {"looks": []}, "looks must be names, each once"),
        (lambda d: d | {"looks": [1, 2]}, "looks is"),
        (lambda d: d | {"image_size": 10**9}, "image_size must be 1 to"),
        (lambda d: d | {"head_path": 3}, "head_path is 3"),
        (lambda d: d | {"family": None}, "family is None"),
        (lambda d: d | {"model": []}, r"model is \[\]"),
        (lambda d: d | {"model": {"networks": 3}}, "it has no networks"),
        (lambda d: d | {"wings": 2}, "'wings' is unknown"),
        (lambda d: {k: v for k, v in d.items() if k != "betas"}, "'betas' is missing"),
        (lambda d: _with_networks(d, canonical_depth=10**9), "canonical_depth must be 1 to 64"),
        (lambda d: _with_networks(d, canonical_width=10**9), "canonical_width must be 1 to 8192"),
        (lambda d: _with_networks(d, code_size=-1), "code_size must be 0 to"),
        (lambda d: _with_networks(d, gc="wild"), "gc is 'wild'"),
        (lambda d: _with_networks(d, head_prior="yes"), "head_prior is 'yes'"),
        (lambda d: _with_networks(d, look_categories=["a", "b", "c"]), "each one of identity"),
        (lambda d: _with_model(d, ndc_per_unit=-1.0), "ndc_per_unit must be above 0"),
    ],
)
def test_descriptions_that_no_avatar_has_are_named(change, sentence, folders, tmp_path):
    run = shutil.copytree(folders.run, tmp_path / "run")
    content = json.loads((run / "avatar.json").read_text())
    (run / "avatar.json").write_text(json.dumps(change(content)))
    with pytest.raises(UserError, match=sentence):
        load(run)


def _with_networks(content, **changes):
    return _with_model(content, networks=content["model"]["networks"] | changes)


def _with_model(content, **changes):
    return content | {"model": content["model"] | changes}


def test_a_description_survives_its_json(avatar):
    description = avatar.description
    content = json.loads(json.dumps(description.to_json()))
    assert type(description).from_json(content, where="here") == description
    assert tuple(description.model["networks"]["look_categories"]) == ("hair", "hair", "nose")
