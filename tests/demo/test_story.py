"""The demo's story, from nothing to a page, at a minute's size."""

import json

import pytest

from pegasus_jax import media
from pegasus_jax.demo import story
from pegasus_jax.inference import load


@pytest.mark.slow
def test_the_demo_leaves_a_page_with_its_videos_and_figures_and_continues(tmp_path, monkeypatch):
    monkeypatch.delenv("FLAME_PATH", raising=False)
    page = story.run_demo(tmp_path / "demo", quick=True)
    assert page == tmp_path / "demo" / "index.html"
    html = page.read_text()
    for name in ("self.mp4", "driven.mp4", "orbit.mp4", "run/figures/evaluation_ada.png"):
        assert name in html and (page.parent / name).stat().st_size > 1000
    frames, _ = media.read_video(page.parent / "self.mp4")
    assert frames.shape[0] == 30 and frames.min() < 128, "somebody is in the picture"
    figures = json.loads((page.parent / "run" / "evaluation.json").read_text())["ada"]["pictures"]
    for kind, values in figures.items():
        assert kind in html and f"{values['psnr']:.2f}" in html
    assert figures["tracked"]["psnr"] > 12.0
    assert load(page.parent / "run").looks == ("ada",)

    metrics = (page.parent / "run" / "metrics.jsonl").read_bytes()
    films = [(page.parent / name / "capture.json").stat().st_mtime_ns for name in ("ada", "ben_motion")]
    story.run_demo(tmp_path / "demo", quick=True)
    assert (page.parent / "run" / "metrics.jsonl").read_bytes() == metrics
    assert films == [(page.parent / name / "capture.json").stat().st_mtime_ns for name in ("ada", "ben_motion")]
