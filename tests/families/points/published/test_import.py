"""`launch.py import`: what it accepts, what every command then does with it, and what it says to other files."""

import argparse
import datetime
import re

import jax.numpy as jnp
import numpy as np
import pytest

import launch
import pegasus_jax as pj
from pegasus_jax.errors import UserError
from pegasus_jax.families.points.published import import_avatar
from tests.families.points.published import cases
from tests.torch_saving import tensors, write_zip
from tests.training import tiny


@pytest.fixture(scope="module")
def pointavatar(tmp_path_factory):
    return cases.write(tmp_path_factory.mktemp("pointavatar"), cases.CASES["pointavatar narrow"], num_points=60)


@pytest.fixture(scope="module")
def pegasus(tmp_path_factory):
    return cases.write(tmp_path_factory.mktemp("pegasus"), cases.CASES["pegasus narrow"], num_points=60)


def imported(run, out, **changes):
    options = {"head": run.head_path, "canonical_expression": run.expression_path, "looks": run.sizes.looks}
    return import_avatar(changes.pop("checkpoint", run.checkpoint), out=out, **options | changes)


def refused(run, tmp_path, sentence, **changes):
    with pytest.raises(UserError, match=sentence):
        imported(run, tmp_path / "out.npz", **changes)
    assert not (tmp_path / "out.npz").exists()


def changed(run, tmp_path, changes):
    """The run's checkpoint with some entries replaced, or left out (None)."""
    state = {name: array for name, array in (run.state | changes).items() if array is not None}
    cases.write_checkpoint(tmp_path / "changed.pth", state)
    return tmp_path / "changed.pth"


def test_the_command_line_imports_renders_and_evaluates(pegasus, tmp_path, capsys):
    out, data = tmp_path / "avatar.npz", tiny.write_dataset(tmp_path / "clip", head=pegasus.head)
    flags = [f"--checkpoint={pegasus.checkpoint}", f"--head={pegasus.head_path}", f"--data={data}", f"--out={out}"]
    assert launch.main(["import", *flags, "--looks=hair_Ada,nose_Ben"]) == 0
    assert "60 points, looks: me, hair/Ada, nose/Ben" in capsys.readouterr().out
    avatar = pj.load(out)
    dataset = pj.read_dataset(data)
    np.testing.assert_allclose(avatar.space.expression_c, dataset.expression.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(avatar.betas, dataset.betas, atol=1e-6)
    video = tmp_path / "driven.mp4"
    assert launch.main(["render", f"--workdir={out}", f"--drive={data}", f"--out={video}", "--image_size=32"]) == 0
    assert video.stat().st_size > 0


def test_an_imported_avatar_is_evaluated_on_a_dataset_folder(pointavatar, tmp_path):
    from pegasus_jax.evaluation.report import evaluate_run

    imported(pointavatar, tmp_path / "avatar.npz")
    data = tiny.write_dataset(tmp_path / "clip")
    with pytest.raises(UserError, match="name dataset folders with --data"):
        evaluate_run(tmp_path / "avatar.npz")
    report = evaluate_run(tmp_path / "avatar.npz", data=[data])
    assert report.figures("pictures")["tracked"]["psnr"] > 0
    assert (tmp_path / "avatar" / "evaluation.md").is_file()


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_a_state_saved_by_a_wrapped_model_is_the_same(pointavatar, tmp_path, prefix):
    state = {f"{prefix}{name}": array for name, array in pointavatar.state.items()}
    cases.write_checkpoint(tmp_path / "saved.pth", state, radius=np.float32([0.25]))
    avatar = imported(pointavatar, tmp_path / "out.npz", checkpoint=tmp_path / "saved.pth")
    assert float(avatar.radius) == 0.25


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_a_state_of_other_precision_is_read_as_float32(pointavatar, tmp_path, dtype):
    whole = imported(pointavatar, tmp_path / "whole.npz")
    state = {name: np.asarray(array).astype(jnp.dtype(dtype)) for name, array in pointavatar.state.items()}
    content = {"radius": np.array(0.25).astype(jnp.dtype(dtype)), "model_state_dict": state}
    write_zip(tmp_path / "cast.pth", tensors(content))
    avatar = imported(pointavatar, tmp_path / "out.npz", checkpoint=tmp_path / "cast.pth")
    assert float(avatar.radius) == 0.25 and avatar.points_gc.dtype == np.float32
    tolerance = {"float16": 1e-3, "bfloat16": 1e-2, "float64": 1e-7}[dtype]
    np.testing.assert_allclose(avatar.points_gc, whole.points_gc, rtol=tolerance, atol=tolerance)


def test_what_else_a_run_saves_does_not_matter(pointavatar, tmp_path):
    extras = {"epoch": np.int64(3), "args": argparse.Namespace(lr=0.1), "saved": datetime.date(2024, 1, 1)}
    content = {"radius": np.float64(0.25), "model_state_dict": pointavatar.state, **extras}
    write_zip(tmp_path / "saved.pth", tensors(content))
    assert float(imported(pointavatar, tmp_path / "out.npz", checkpoint=tmp_path / "saved.pth").radius) == 0.25


def test_a_state_with_names_that_are_none(pointavatar, tmp_path):
    write_zip(tmp_path / "x.pth", tensors({"radius": 0.1, "model_state_dict": {0: np.zeros(3)}}))
    refused(pointavatar, tmp_path, "has an entry without a name", checkpoint=tmp_path / "x.pth")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pc.points": None}, "has no entry pc.points"),
        ({"pc.points": np.zeros((5, 2))}, r"pc.points has the shape \(5, 2\)"),
        ({"rendering_network.lin1.weight_g": None}, "has no entry rendering_network.lin1.weight_g"),
        ({"rendering_network.lin0.weight_v": None}, "has no entry rendering_network.lin2.weight_v|lin0.weight_v"),
        ({"deformer_network.skinning.weight": np.zeros((5, 32))}, r"skinning.weight has the shape \(5, 32\)"),
        ({"geometry_network.lin5.bias": np.full(64, np.nan)}, "geometry_network.lin5.bias .* not finite"),
        ({"background.weight": np.zeros(3)}, "an entry background.weight that neither"),
        ({"FLAMEServer.v_template": np.zeros((7, 3))}, r"v_template has the shape \(7, 3\).* has 200 vertices"),
        ({"FLAMEServer.lbs_weights": np.full((200, 5), 0.2)}, "another head than .*lbs_weights differs"),
        ({"geometry_network.lin0.weight_v": np.zeros((64, 40))}, "lin0 takes 40 numbers"),
        ({"geometry_network.lin3.weight_v": np.zeros((9, 64))}, "lin3 gives 9 numbers"),
        ({"deformer_network.lin0.weight_v": np.zeros(3)}, r"lin0.weight_v has the shape \(3,\)"),
    ],
)
def test_an_entry_that_is_not_as_published_is_named(pointavatar, tmp_path, changes, sentence):
    refused(pointavatar, tmp_path, sentence, checkpoint=changed(pointavatar, tmp_path, changes))


def test_a_latent_of_another_size_is_refused(pegasus, tmp_path):
    changes = {"deformer_network.lin0.weight_v": np.zeros((32, 3 + 100))}
    geometry = pegasus.state["geometry_network.lin0.weight_v"]
    changes["geometry_network.lin0.weight_v"] = np.zeros((len(geometry), 39 + 100))
    changes["geometry_network.lin3.weight_v"] = np.zeros((len(geometry) - 139, len(geometry)))
    refused(pegasus, tmp_path, "takes a latent of 100 numbers", checkpoint=changed(pegasus, tmp_path, changes))


def test_other_files_are_refused(pointavatar, tmp_path):
    write_zip(tmp_path / "optimizer.pth", tensors({"epoch": 3, "optimizer_state_dict": {}}))
    refused(pointavatar, tmp_path, "has no 'model_state_dict'", checkpoint=tmp_path / "optimizer.pth")
    cases.write_checkpoint(tmp_path / "radius.pth", pointavatar.state, radius=-1.0)
    refused(pointavatar, tmp_path, "radius must be one number above 0", checkpoint=tmp_path / "radius.pth")
    write_zip(tmp_path / "whole.pth", tensors({"radius": 0.1, "model_state_dict": np.zeros(3)}))
    refused(pointavatar, tmp_path, "model_state_dict holds no named tensors", checkpoint=tmp_path / "whole.pth")
    refused(pointavatar, tmp_path, "There is no file", checkpoint=tmp_path / "gone.pth")


def test_the_canonical_expression_has_to_be_known(pointavatar, tmp_path):
    refused(pointavatar, tmp_path, "needs either --data=DATASET_FOLDER or", canonical_expression=None)
    np.save(tmp_path / "short.npy", np.zeros(49))
    refused(pointavatar, tmp_path, r"must hold \(50,\) or \(1, 50\)", canonical_expression=tmp_path / "short.npy")
    (tmp_path / "text.npy").write_text("no array")
    refused(pointavatar, tmp_path, "is not an .npy of a plain array", canonical_expression=tmp_path / "text.npy")
    np.save(tmp_path / "nan.npy", np.full(50, np.nan))
    refused(pointavatar, tmp_path, "not finite", canonical_expression=tmp_path / "nan.npy")


def test_looks_have_to_fit_the_codes(pointavatar, pegasus, tmp_path):
    refused(pegasus, tmp_path, "holds the codes of 2 videos, and --looks names 1", looks=("hair_Ada",))
    refused(pegasus, tmp_path, "'beard_Ada' must be CATEGORY_DONOR", looks=("beard_Ada", "nose_Ben"))
    refused(pointavatar, tmp_path, "takes? no latent", looks=("hair_Ada",))


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"zero": (1, 4)}, "lacks a zero code"),
        ({"zero": (1, 4), "source": (7, 5)}, "source.weight has codes of 5 numbers, the networks ask for 4"),
        ({"zero": (1, 4), "source": (6, 4)}, "source.weight has 6 rows; base codes have 7"),
        ({"zero": (1, 4), "zero_too": (1, 4)}, "zero.weight and zero_too.weight both look like its zero codes"),
    ],
)
def test_latent_tables_that_do_not_fit_are_named(pegasus, tmp_path, tables, sentence):
    content = {name: {"weight": np.zeros(shape, np.float32)} for name, shape in tables.items()}
    write_zip(tmp_path / "inputs.pth", tensors(content))
    refused(pegasus, tmp_path, re.escape(sentence), latents=tmp_path / "inputs.pth")


def test_tables_without_telling_names_are_known_by_their_rows(pegasus, tmp_path):
    names = {"zero": "a", "base": "b", "video": "c"}
    content = {names[name]: {"weight": table} for name, table in pegasus.tables.items()}
    write_zip(tmp_path / "inputs.pth", tensors(content))
    named = imported(pegasus, tmp_path / "named.npz")
    counted = imported(pegasus, tmp_path / "counted.npz", latents=tmp_path / "inputs.pth")
    for look in named.looks:
        ours, theirs = named.latent(look), counted.latent(look)
        for category in ours:
            np.testing.assert_array_equal(ours[category], theirs[category])


def test_latents_that_are_nowhere_are_asked_for(pegasus, tmp_path):
    refused(pegasus, tmp_path, "There are no latent tables at .*--latents", latents=tmp_path / "gone.pth")
