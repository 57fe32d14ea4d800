"""`launch.py evaluate`: what it writes, and the table."""

import json
import shutil

import numpy as np
import pytest

from pegasus_jax import assets
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import reconstruction, refine
from pegasus_jax.evaluation.report import evaluate_run, table
from pegasus_jax.inference import load
from pegasus_jax.models.latents import flatten
from tests.inference.untrained import write_run
from tests.media.said import source_type
from tests.training import tiny

KINDS = ["tracked", "refined", "mean training image", "nearest training frame"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folders = write_run(tmp_path_factory.mktemp("report"))
    with pytest.MonkeyPatch.context() as patch:
        be_quick(patch)
        report = evaluate_run(folders.run)
    return folders, report


def be_quick(patch: pytest.MonkeyPatch) -> None:
    """Few steps of refinement, and no model files."""
    patch.setattr(refine.refine, "__kwdefaults__", {"config": refine.RefineConfig(steps=3)})
    patch.setattr(assets, "find", lambda name: None)


def test_a_report_is_a_json_a_table_and_a_sheet(run):
    folders, report = run
    assert json.loads((folders.run / "evaluation.json").read_text()) == report
    assert (folders.run / "evaluation.md").read_text() == table(report)
    assert source_type(folders.run / "figures" / "evaluation_me.png") == "compositeWithTrainedAlgorithmicMedia"
    assert list(report) == ["me"]
    pictures = report["me"]["pictures"]
    assert list(pictures) == KINDS
    assert {"psnr", "foreground_psnr", "ssim", "l1", "iou", "eyes_mouth_psnr"} == pictures["tracked"].keys()
    assert pictures["refined"] != pictures["tracked"], "the two are never mixed"
    assert "not computed: face_landmarker.task is not here; run: python launch.py assets" in table(report)


def test_what_was_not_computed_says_so():
    report = {
        "a": {"pictures": {"tracked": {"psnr": 20.0, "iou": 0.5}}, "redetection": {"face_found": 0.98}},
        "b": {"pictures": {"tracked": {"psnr": 21.237, "eyes_mouth_psnr": 9.0}}, "redetection": "not computed: why"},
    }
    header, _, a, b, *_, seen_a, seen_b = table(report).splitlines()
    assert header == "| clip | picture | psnr | iou | eyes_mouth_psnr |"
    assert a == "| a | tracked | 20.00 | 0.5000 | not computed |"
    assert b == "| b | tracked | 21.24 | not computed | 9.00 |"
    assert (seen_a, seen_b) == ("- a: face_found 0.980", "- b: not computed: why")


def test_another_dataset_folder_and_another_place_are_taken(run, tmp_path, monkeypatch):
    folders, _ = run
    be_quick(monkeypatch)
    other = tiny.write_dataset(tmp_path / "other", num_frames=8)
    report = evaluate_run(folders.run, data=[other], out=tmp_path / "there" / "figures.json")
    assert list(report) == ["other"]
    assert json.loads((tmp_path / "there" / "figures.json").read_text()) == report
    assert (tmp_path / "there" / "figures.md").is_file()


def test_a_part_swapped_folder_is_measured_under_its_look(run, tmp_path, monkeypatch):
    folders, _ = run
    be_quick(monkeypatch)
    worn, render = [], reconstruction.render_drive
    monkeypatch.setattr(
        reconstruction, "render_drive", lambda baked, drive: worn.append(baked.z) or render(baked, drive)
    )
    data = [tiny.write_swapped(tmp_path / donor, "hair", donor) for donor in ("ada", "eve")]
    assert list(evaluate_run(folders.run, data=data, out=tmp_path / "figures.json")) == ["ada", "eve"]
    avatar = load(folders.run)
    np.testing.assert_array_equal(worn[0], flatten(avatar.latent("hair/ada")))
    np.testing.assert_array_equal(worn[-1], flatten(avatar.latent()), "the avatar has no such look")


def test_what_is_no_work_folder_is_told(tmp_path):
    with pytest.raises(UserError, match=r"is not a work folder: it has no config\.json; train first"):
        evaluate_run(tmp_path)


def test_a_run_whose_data_are_gone_is_told(run, tmp_path):
    work = shutil.copytree(run[0].run, tmp_path / "run")
    config = json.loads((work / "config.json").read_text())
    (work / "config.json").write_text(json.dumps(config | {"data": [str(tmp_path / "gone")]}))
    with pytest.raises(UserError, match="gone"):
        evaluate_run(work)
