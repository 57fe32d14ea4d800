"""Fused avatars: what they show, that they are avatars like any other, and what cannot be fused."""

import dataclasses
import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl import flags

import pegasus_jax as pj
from pegasus_jax.commands import fuse as command
from pegasus_jax.core import avatar as core_avatar
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.data import read_dataset
from pegasus_jax.editing import Interpolation
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.families.points.avatar import TrainedPointAvatar
from pegasus_jax.families.points.fused import COMPOSED, FusedPointAvatar, Steps, looks_of
from pegasus_jax.families.points.fusion.align import Alignment
from pegasus_jax.families.points.fusion.alignments import Alignments
from pegasus_jax.inference import load, render_edit
from tests.families.points.fusion.avatars import with_cue, write_avatars
from tests.media.said import source_type

SIDE = 16


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_avatars(tmp_path_factory.mktemp("fused"))


@pytest.fixture(scope="module")
def fused(made):
    _, source, target = made
    return pj.fuse(source, target, ["hair"])


@pytest.fixture(scope="module")
def frame(made):
    dataset = read_dataset(made[0].data)
    camera = jax.tree.map(lambda array: array[1], dataset.cameras(image_size=(SIDE, SIDE)))
    params = FlameParams(made[2].betas, jnp.asarray(dataset.expression[1]), jnp.asarray(dataset.pose[1]))
    return params, camera


def image(baked, frame):
    return np.asarray(baked.render(*frame).image)


def test_it_is_the_targets_rest_and_the_sources_part_in_the_targets_shape(made, fused, frame):
    _, source, target = made
    params, _ = frame
    baked = fused.bake(steps=COMPOSED)
    got = baked.frame_points(params)
    rest, lent = (avatar.bake().frame_points(params) for avatar in (target, source))
    part = fused.parts(fused.latent())["hair"]
    border = np.concatenate([np.zeros(len(rest.albedo), bool), part.closed & ~part.clear])  # wears the hair's colour
    for field in ("positions_d", "normals_d", "albedo", "shading"):
        both = np.concatenate([np.asarray(getattr(one, field)) for one in (rest, lent)])
        same = ~border if field == "albedo" else slice(None)
        np.testing.assert_allclose(np.asarray(getattr(got, field))[same], both[same], atol=1e-5, err_msg=field)
    kept, taken = np.split(np.asarray(got.alive), [len(rest.albedo)])
    hair_of_target, hair_of_source = (np.asarray(one.seg_logit) > 0.0 for one in (rest, lent))
    assert 0.0 < taken.mean() < 1.0 and 0.0 < kept.mean() < 1.0
    assert (taken & hair_of_source).sum() > 0.9 * taken.sum(), "the cue selects, but for votes of neighbours"
    assert (kept & ~hair_of_target).sum() > 0.9 * kept.sum()


def test_steps_move_and_blend_what_is_taken_alone(fused, frame):
    composed, whole = fused.bake(steps=COMPOSED), fused.bake()
    assert set(np.flatnonzero(composed.taken)) <= set(np.flatnonzero(whole.taken))
    np.testing.assert_array_equal(composed.kept, whole.kept)
    count = len(composed.taken)
    blended = set(np.asarray(whole.blending.rows).tolist()) - {count}
    beside = set(np.flatnonzero(fused.parts(fused.latent())["hair"].beside))
    assert beside and not blended & beside, "what is beside the part keeps its colour"
    assert set(np.asarray(composed.blending.rows).tolist()) == {count}, "nobody"
    assert blended == set(np.flatnonzero(whole.taken)) - set(np.flatnonzero(composed.taken)) - beside


def test_what_a_part_hides_on_the_source_fills_as_the_source_was_filmed(made, fused, frame, monkeypatch):
    _, source, _ = made
    params, _ = frame
    canonical = source.canonical

    def fading(latent=None):  # a look under which half of the points are not there
        found = canonical(latent)
        points = found.points
        there = jnp.where(jnp.arange(len(points.opacity)) % 2, 1.0, 0.0 if latent else 1.0)
        return dataclasses.replace(found, points=dataclasses.replace(points, opacity=there))

    monkeypatch.setattr(source, "canonical", fading)
    worn = FusedPointAvatar(source, fused.target, fused.alignments)
    look = worn.latent("hair/ada")
    part = worn.parts(look)["hair"]
    assert part.as_filmed.any() and not part.as_filmed[1::2].any(), "half of them show under the look"
    assert not (part.as_filmed & (part.closed | ~part.filler)).any()
    got = worn.bake(look, steps=Steps(align=False, blend=False)).source
    np.testing.assert_allclose(got.points.opacity[part.as_filmed], 1.0)
    filmed = canonical().bake().frame_points(params)
    placed = got.frame_points(params)
    rows = np.flatnonzero(part.as_filmed)
    np.testing.assert_allclose(placed.positions_d[rows], filmed.positions_d[rows], atol=1e-5)
    np.testing.assert_allclose(placed.albedo[rows], filmed.albedo[rows], atol=1e-5)


def test_its_looks_are_the_sources_and_the_first_is_the_targets_name(made, fused):
    _, source, _ = made
    assert fused.looks == ("cleo", "hair/me", "hair/ada", "hair/cleo")
    for name in ("cleo", "hair/me"):
        np.testing.assert_array_equal(fused.latent(name)["hair"], source.latent()["hair"])
    np.testing.assert_array_equal(fused.latent("hair/ada")["hair"], source.latent("hair/ada")["hair"])
    assert fused.fingerprint not in (source.fingerprint, made[2].fingerprint)
    assert fused.description.looks == fused.looks


def test_of_other_attributes_the_first_trained_look_is_worn(made):
    _, source, _ = made
    looks = looks_of(source, "cleo", ("nose", "hair"))
    assert looks.names == ("cleo", "hair/me", "hair/ada", "hair/cleo", "nose/ben")
    np.testing.assert_array_equal(looks.latent()["nose"], source.latent("nose/ben")["nose"])
    np.testing.assert_array_equal(looks.latent("hair/ada")["nose"], source.latent("nose/ben")["nose"])


def test_several_attributes_each_select_their_own(made):
    _, source, target = made
    both = pj.fuse(source, target, ["hair", "nose"])
    parts = both.parts(both.latent("hair/ada"))
    assert list(parts) == ["hair", "nose"]
    taken = np.asarray(both.bake(both.latent("hair/ada"), steps=COMPOSED).taken)
    np.testing.assert_array_equal(taken, parts["hair"].worn | parts["nose"].worn)


def test_the_cue_is_looked_at_anew_for_interpolated_codes(fused, frame):
    ends = fused.latent("hair/ada"), fused.latent("hair/cleo", hair=("hair/cleo", 1.0))
    bakes = [fused.bake(pj.interpolate(*ends, t)) for t in (0.0, 0.5, 1.0)]
    assert len({np.asarray(baked.taken).tobytes() for baked in bakes}) == 3
    pictures = [image(baked, frame) for baked in bakes]
    steps = [np.abs(a - b).max() for a, b in itertools.pairwise(pictures)]
    assert min(steps) > 1e-3


def test_every_look_goes_through_one_compiled_program(fused, frame):
    image(fused.bake(), frame)
    before = core_avatar._render._cache_size()
    image(fused.bake(fused.latent("hair/cleo")), frame)
    assert core_avatar._render._cache_size() == before


def test_saved_and_opened_it_is_the_same(fused, frame, tmp_path):
    fused.save(tmp_path / "fused.npz")
    for path in (tmp_path, tmp_path / "fused.npz"):
        opened = pj.load(path)
        assert isinstance(opened, FusedPointAvatar)
        assert (opened.fingerprint, opened.looks, list(opened.alignments)) == (fused.fingerprint, fused.looks, ["hair"])
    np.testing.assert_array_equal(image(opened.bake(), frame), image(fused.bake(), frame))
    with pytest.raises(UserError, match="target is an avatar of points that cannot be fused"):
        pj.fuse(fused.source, pj.load(tmp_path), ["hair"])


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    """What `launch.py fuse --per_look` writes."""
    _, source, target = made
    place = tmp_path_factory.mktemp("launched")
    source.save(place / "source.npz")
    target.save(place / "target.npz")
    flag_values = flags.FlagValues()
    command.define_flags(flag_values)
    paths = [f"--source={place / 'source.npz'}", f"--target={place / 'target.npz'}", f"--out={place / 'out'}"]
    flag_values(["fuse", *paths, "--per_look", f"--image_size={SIDE}"])
    command.run(flag_values)
    return place / "out"


def test_the_command_leaves_an_avatar_distances_and_a_sheet(folder):
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == ["figures/steps.png", "fused.npz", "fusion.json"]
    assert source_type(folder / "figures" / "steps.png") == "trainedAlgorithmicMedia"
    report = json.loads((folder / "fusion.json").read_text())
    assert list(report["hair"]) == ["hair/me", "hair/ada", "hair/cleo"]
    assert all(after <= before for before, after in report["hair"].values())
    assert len(load(folder).alignments["hair"].motions) == 3


def test_other_commands_take_it_as_an_avatar(folder, made, tmp_path):
    recipe = Interpolation({"hair": ("hair/ada", "hair/cleo")}, steps=3)
    render_edit(folder, recipe, look=None, drive=None, out=tmp_path / "edit", image_size=SIDE)
    assert (tmp_path / "edit" / "edit.mp4").is_file()
    with pytest.raises(UserError, match="does not say what it was trained on; name dataset folders with --data"):
        evaluate_run(folder)


def test_its_evaluation_compares_with_the_composition_that_nothing_aligned(folder, made, tmp_path):
    fused = load(folder)
    aligned = Alignments.of([np.zeros(1)], [Alignment(np.array([0.0, 0.2, 0.0, 0.0, 0.1, 0.0]), 0.1, 0.0)])
    FusedPointAvatar(fused.source, fused.target, {"hair": aligned}).save(tmp_path / "moved.npz")
    pictures = evaluate_run(tmp_path / "moved.npz", data=[made[0].data]).figures("pictures")
    assert np.isfinite(pictures["tracked"]["psnr"])
    assert pictures["composed without alignment"]["psnr"] != pictures["tracked"]["psnr"]


def test_avatars_of_different_heads_are_told_apart(made):
    _, source, target = made
    other = with_cue(target, 0.4)
    other.description = dataclasses.replace(target.description, head_name="ict", head_sha256="0" * 64)
    with pytest.raises(UserError, match=r"head model head \(.{8}…\), the target ict \(0{8}…\); only avatars of one"):
        pj.fuse(source, other, ["hair"])
    shaped = TrainedPointAvatar(
        target.description, target.networks, target.points_gc, target.part, target.radius, v_template=np.zeros((200, 3))
    )
    with pytest.raises(UserError, match="a person's shape baked into its head model cannot be fused"):
        pj.fuse(source, shaped, ["hair"])


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        (["hat"], "The source has never learned any hat; it can lend hair, nose"),
        ([], "one attribute or more, each named once; got none"),
        (["hair", "hair"], "one attribute or more, each named once; got hair, hair"),
    ],
)
def test_attributes_that_cannot_be_lent_are_one_sentence(made, attributes, sentence):
    with pytest.raises(UserError, match=sentence):
        pj.fuse(made[1], made[2], attributes)


@pytest.mark.parametrize(("share", "told"), [(0.0, "nothing"), (1.0, "everything")])
def test_a_cue_that_selects_nothing_or_everything_is_one_sentence(made, share, told):
    _, source, target = made
    with pytest.raises(UserError, match=f"source's segmentation cue takes {told} for hair"):
        pj.fuse(with_cue(source, share), target, ["hair"])
