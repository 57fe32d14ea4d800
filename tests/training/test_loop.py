"""A whole run: what it leaves, that it compiles once per capacity, and that stopping it changes nothing."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from pegasus_jax import config, devices
from pegasus_jax.errors import UserError
from pegasus_jax.flame import load_head
from pegasus_jax.inference import checkpoint
from pegasus_jax.training import train
from pegasus_jax.training.journal import Journal
from tests.data import examples
from tests.training import tiny

_ROOT = pathlib.Path(__file__).parents[2]


def metrics_of(workdir: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_everything_that_it_promises(tiny_run):
    names = {path.name for path in tiny_run.workdir.iterdir()}
    assert names >= {
        "config.json",
        "environment.json",
        "avatar.json",
        "checkpoints",
        "figures",
        "metrics.jsonl",
        "tensorboard",
    }
    assert {path.name for path in (tiny_run.workdir / "figures").iterdir()} == {
        f"held_out_{frames:07d}.png" for frames in (16, 32, 48)
    }
    assert sorted(path.name for path in (tiny_run.workdir / "checkpoints").iterdir()) == ["32", "48"]


def test_training_lowers_the_loss_and_follows_the_schedule(tiny_run):
    metrics = metrics_of(tiny_run.workdir)
    assert [entry["frames"] for entry in metrics] == [8, 16, 24, 32, 40, 48]
    assert metrics[-1]["rgb"] < 0.8 * metrics[0]["rgb"]
    assert metrics[-1]["psnr"] > metrics[0]["psnr"] + 1.0
    radii = [entry["radius"] for entry in metrics]
    np.testing.assert_allclose(radii, np.repeat([0.25, 0.1875, 0.140625], 2), rtol=1e-6)
    points = [entry["points"] for entry in metrics]
    assert points[0] == points[1] == 96 and 96 < points[2] <= 160
    assert all(entry["overflow"] == entry["nonfinite"] == 0 for entry in metrics)


def test_the_step_is_traced_once_per_capacity(tiny_run):
    assert tiny_run.traces == 2


def test_running_a_finished_run_again_changes_nothing(tiny_run):
    before = (tiny_run.workdir / "metrics.jsonl").read_bytes()
    train(tiny.config(), data=[tiny_run.data], workdir=tiny_run.workdir, head=tiny_run.head)
    assert (tiny_run.workdir / "metrics.jsonl").read_bytes() == before


def test_lines_torn_by_a_power_cut_are_dropped_with_a_note(tiny_run, tmp_path, capsys):
    log = tmp_path / "metrics.jsonl"
    whole = (tiny_run.workdir / "metrics.jsonl").read_text()
    log.write_text(whole + '{"frames": 56, "lo')
    with Journal(tmp_path, total=64, seen=48):
        pass
    assert [entry["frames"] for entry in metrics_of(tmp_path)] == [8, 16, 24, 32, 40, 48]
    assert "metrics.jsonl: 1 lines cannot be read and are left out" in capsys.readouterr().err
    log.write_bytes(whole.encode() + b"\0" * 100 + b"\n[1]\n")
    with Journal(tmp_path, total=64, seen=40):
        pass
    assert [entry["frames"] for entry in metrics_of(tmp_path)] == [8, 16, 24, 32, 40]


def test_a_killed_run_continues_to_the_very_same_numbers(tiny_run, tmp_path):
    workdir = tmp_path / "run"
    script = """
        import pathlib, sys
        from pegasus_jax.training import train
        from tests.training import tiny
        data, workdir, head = map(pathlib.Path, sys.argv[1:])
        train(tiny.config(), data=[data], workdir=workdir, head=head)
    """
    folders = [str(path) for path in (tiny_run.data, workdir, tiny_run.head)]
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *folders],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 540  # only a process that hangs should reach it, not one beside other work
    while not (workdir / "checkpoints" / "16").exists():
        assert process.poll() is None and time.monotonic() < deadline, "it ended before its first checkpoint"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (workdir / "checkpoints" / "48").exists()

    train(tiny.config(), data=[tiny_run.data], workdir=workdir, head=tiny_run.head)
    resumed, straight = checkpoint.read_newest(workdir), checkpoint.read_newest(tiny_run.workdir)
    assert resumed.keys() == straight.keys()
    for name in straight:
        np.testing.assert_array_equal(resumed[name], straight[name], err_msg=name)
    frames = [entry["frames"] for entry in metrics_of(workdir)]
    assert frames == [8, 16, 24, 32, 40, 48], "no frame is logged twice"


def test_a_loss_that_is_not_finite_stops_names_the_frames_and_keeps_the_checkpoint(tiny_run, tmp_path):
    workdir = tmp_path / "run"
    options = {"data": [tiny_run.data], "workdir": workdir, "head": tiny_run.head}
    absurd = tiny.config(step__rates__points=1e30, step__latents_after=0, every__checkpoint=2, every__log=2)
    with pytest.raises(UserError, match=r"not finite between (\d+) and \d+ frames seen \(training frames \[\d, \d\]\)"):
        train(absurd, **options)
    kept = checkpoint.read_newest(workdir)
    assert kept["frames_seen"] > 0
    assert all(np.isfinite(value).all() for value in kept.values())


def test_a_rasteriser_without_room_is_given_more(tiny_run, tmp_path, monkeypatch, capfd):
    """The xla backend with room for one pair a point: the first stretch loses points, the later ones do not."""
    monkeypatch.setattr("pegasus_jax.families.points.render._FEW_POINTS", 1)
    workdir = tmp_path / "run"
    monkeypatch.setenv("RASTERIZER_BACKEND", "xla")
    cramped = tiny.config(overlaps_per_point=1)
    train(cramped, data=[tiny_run.data], workdir=workdir, head=tiny_run.head)
    overflow = [entry["overflow"] for entry in metrics_of(workdir)]
    assert overflow[0] > 0 and overflow[-1] == 0
    told = capfd.readouterr().err
    grown = int(checkpoint.read_newest(workdir)["overlaps_per_point"])
    assert "overlaps_per_point grows to 2." in told and f"grows to {grown}." in told
    assert f"grows to {2 * grown}." not in told

    shutil.rmtree(workdir / "checkpoints" / "48")
    train(cramped, data=[tiny_run.data], workdir=workdir, head=tiny_run.head)
    assert "grows" not in capfd.readouterr().err, "it continues with the room that it had"
    assert [entry["overflow"] for entry in metrics_of(workdir)] == overflow


def test_another_head_than_that_of_the_capture_is_refused(tiny_run, tmp_path):
    head = load_head(tiny_run.head)
    data = tiny.write_dataset(tmp_path / "me", head=head)
    other = tiny.write_head(tmp_path / "other.npz", seed=1)
    with pytest.raises(UserError, match=r"me was captured with the head model head, not with other; give that one"):
        train(tiny.config(), data=[data], workdir=tmp_path / "run", head=other)
    assert not (tmp_path / "run").exists()


def test_what_a_folder_lacks_is_said(tmp_path, capsys):
    folder = examples.write_insta(tmp_path / "justin")
    with pytest.raises(UserError, match="no head model at"):
        train(tiny.config(), data=[folder], workdir=tmp_path / "run", head=tmp_path / "absent.npz")
    assert "no FLAME parameters of shape, jaw, eyes" in capsys.readouterr().out


def test_another_config_is_refused_before_anything_is_read(tiny_run):
    with pytest.raises(UserError, match=r"another config: config\.seed was 3 and is 4"):
        train(tiny.config(seed=4), data=[tiny_run.data], workdir=tiny_run.workdir, head=tiny_run.head)


def test_the_papers_size_beside_an_idle_gpu_is_refused_with_the_reason(tmp_path, monkeypatch):
    reason = "This machine has an NVIDIA GPU, but JAX computes on CPU: use --device=auto."
    monkeypatch.setattr(devices, "unused_gpu", lambda: reason)
    paper = config.load_config(str(pathlib.Path(__file__).parents[2] / "configs" / "pegasus.py"))
    with pytest.raises(UserError, match=r"weeks on this device\. This machine has an NVIDIA GPU"):
        train(paper, data=[tmp_path], workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(UserError, match="is not a dataset folder"):
        train(tiny.config(), data=[tmp_path], workdir=tmp_path / "run")
