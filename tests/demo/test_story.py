"""The demo's story, from nothing to a page, at a minute's size."""

import json
import pathlib

import pytest

from pegasus_jax import media
from pegasus_jax.demo import story
from pegasus_jax.demo.script import QUICK
from pegasus_jax.inference import load


def _assert_that_nothing_fell_behind(root, monkeypatch):
    """The regression gate's part that CI can afford; benchmarks/baseline.json is changed on purpose alone."""
    monkeypatch.syspath_prepend(str(pathlib.Path(__file__).parents[2] / "benchmarks"))
    import check_baseline

    entries = json.loads(check_baseline.BASELINE.read_text())["quick"]
    assert check_baseline.fallen_behind(entries, check_baseline.figures(root)) == []


@pytest.mark.slow
def test_the_demo_leaves_a_page_with_every_stage_and_its_scores_and_continues(tmp_path, monkeypatch, optimised):
    monkeypatch.delenv("FLAME_PATH", raising=False)
    page = story.run_demo(tmp_path / "demo", script=QUICK)
    root = page.parent
    assert page == tmp_path / "demo" / "index.html"
    html = page.read_text()
    pictures = ("edits/mixed/sheet.png", "edits/samples/sheet.png", "data/ben__hair_ada/figures/before_after.png")
    videos = ("self.mp4", "driven.mp4", "orbit.mp4", "fused.mp4", "edits/path/edit.mp4")
    for name in (*pictures, *videos, "runs/ben/figures/evaluation_ben.png", "runs/cleo_fused/figures/steps.png"):
        assert name in html and (root / name).stat().st_size > 1000
    frames, _ = media.read_video(root / "self.mp4")
    assert frames.shape[0] == QUICK.frames and frames.min() < 128, "somebody is in the picture"
    assert load(root / "runs" / "ben").looks == ("ben", "hair/ada", "hair/cleo")

    tables = json.loads((root / "scores.json").read_text())
    assert set(tables) == {"swaps", "looks", "paths", "samples", "fused"}
    for table in tables.values():
        for row in table.values():
            assert all(f"{value:.2f}" in html for value in row.values())
    assert tables["swaps"]["hair/ada"]["inside"] > tables["swaps"]["hair/ada"]["unedited"] + 3
    assert tables["swaps"]["hair/ada"]["outside"] > 40
    assert tables["looks"]["hair/ada"]["inside"] > tables["looks"]["hair/ada"]["unedited"] + 2
    _assert_that_nothing_fell_behind(root, monkeypatch)
    assert tables["fused"]["fused"]["inside"] > tables["fused"]["unedited"]["inside"] + 2

    made = {path: path.stat().st_mtime_ns for path in root.glob("*/*/capture.json")}
    logs = {path: path.read_bytes() for path in root.glob("runs/*/metrics.jsonl")}
    assert len(made) == 8 and len(logs) == 3
    story.run_demo(root, script=QUICK)
    assert made == {path: path.stat().st_mtime_ns for path in made}
    assert logs == {path: path.read_bytes() for path in logs}
