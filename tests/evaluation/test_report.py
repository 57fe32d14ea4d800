"""`launch.py evaluate`: what it writes, and the table."""

import json
import shutil

import numpy as np
import pytest

from pegasus_jax import assets
from pegasus_jax.core.latents import flatten
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import reconstruction
from pegasus_jax.evaluation.protocols.reconstruction import Reconstruction
from pegasus_jax.evaluation.report import compare_runs, evaluate_run
from pegasus_jax.inference import load, track
from tests.inference.untrained import write_run
from tests.media.said import source_type
from tests.training import tiny

KINDS = ["tracked", "re-tracked", "best constant colour", "mean training image", "nearest training frame"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folders = write_run(tmp_path_factory.mktemp("report"))
    with pytest.MonkeyPatch.context() as patch:
        be_quick(patch)
        report = evaluate_run(folders.run)
    return folders, report


def be_quick(patch: pytest.MonkeyPatch) -> None:
    """Few steps of re-tracking, and no model files."""
    patch.setattr(track.track, "__kwdefaults__", {"config": track.TrackConfig(steps=3), "desc": "tracking"})
    patch.setattr(assets, "find", lambda name: None)


def test_a_report_is_a_json_a_table_and_a_sheet(run):
    folders, report = run
    written = json.loads((folders.run / "evaluation.json").read_text())
    assert written == report.to_json()
    assert written["protocol"] == "reconstruction" and written["settings"]["opened"] is False
    assert (folders.run / "evaluation.md").read_text() == report.markdown()
    assert source_type(folders.run / "figures" / "evaluation_me.png") == "compositeWithTrainedAlgorithmicMedia"
    assert [row["clip"] for row in written["tables"]["pictures"]] == ["me"] * len(KINDS)
    pictures = report.figures("pictures")
    assert list(pictures) == KINDS
    columns = {"psnr", "foreground_psnr", "ssim", "l1", "iou", "boundary_error", "eyes_mouth_psnr"}
    columns |= {"sharpness", "eyes_mouth_sharpness"}
    assert columns == pictures["nearest training frame"].keys()
    for name in ("lpips", "vgg_distance", "dlib_distance"):
        assert written["tables"]["pictures"][0][name].startswith("not computed: needs ")
    assert (folders.run / "figures" / "evaluation_me_spectrum.png").is_file()
    assert pictures["re-tracked"] != pictures["tracked"], "the two are never mixed"
    assert "not computed: needs face_landmarker.task: python launch.py assets" in report.markdown()


def test_runs_are_compared_in_one_table(run, tmp_path, monkeypatch):
    folders, report = run
    be_quick(monkeypatch)
    twin = shutil.copytree(folders.run, tmp_path / "twin")
    both = compare_runs([folders.run, twin], protocol=Reconstruction(), out=tmp_path / "both.json")
    table = both.tables["pictures"]
    assert table.headers == ("run", "clip", "picture")
    ours, theirs = (table.rows[: len(KINDS)], table.rows[len(KINDS) :])
    assert [dict(row.figures) for row in ours] == [dict(row.figures) for row in theirs], "the same numbers twice"
    assert ours[0].figures == report.tables["pictures"].rows[0].figures
    assert {row.names[0] for row in theirs} == {"twin"}
    with pytest.raises(UserError, match="need different names"):
        compare_runs([folders.run, folders.run], protocol=Reconstruction(), out=tmp_path / "x.json")


def test_another_dataset_folder_and_another_place_are_taken(run, tmp_path, monkeypatch):
    folders, _ = run
    be_quick(monkeypatch)
    other = tiny.write_dataset(tmp_path / "other", num_frames=8)
    report = evaluate_run(folders.run, data=[other], out=tmp_path / "there" / "figures.json")
    assert {row.names[0] for row in report.tables["pictures"].rows} == {"other"}
    assert json.loads((tmp_path / "there" / "figures.json").read_text()) == report.to_json()
    assert (tmp_path / "there" / "figures.md").is_file()


def test_a_part_swapped_folder_is_measured_under_its_look(run, tmp_path, monkeypatch):
    folders, _ = run
    be_quick(monkeypatch)
    worn, render = [], reconstruction.render_drive
    monkeypatch.setattr(
        reconstruction, "render_drive", lambda baked, drive: worn.append(baked.z) or render(baked, drive)
    )
    data = [tiny.write_swapped(tmp_path / donor, "hair", donor) for donor in ("ada", "eve")]
    report = evaluate_run(folders.run, data=data, out=tmp_path / "figures.json")
    assert [row.names for row in report.tables["redetection"].rows] == [("ada",), ("eve",)]
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
