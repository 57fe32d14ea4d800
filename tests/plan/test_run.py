"""The jobs of a plan, done: each once, in their order, whatever stops them."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import launch
from pegasus_jax.data import read_dataset
from pegasus_jax.data.pictures import write_png
from pegasus_jax.errors import UserError
from pegasus_jax.inference import load
from pegasus_jax.plan import Options, run, run_plan, write_plan
from pegasus_jax.plan.run import read_plan
from tests.training import tiny

_ROOT = pathlib.Path(__file__).parents[2]
_CONFIG = """
from tests.training import tiny
def get_config(arg=""):
    stages = {"stage_one_frames": 8} if arg else {}
    return tiny.config(total_frames=16, cloud__max_points=96, every__checkpoint=16, cloud__nearest_period=16, **stages)
"""
_LAUNCHER = """
import os, pathlib, sys, time
given = dict(word.lstrip("-").split("=", 1) for word in sys.argv[2:])
with open(os.environ["DONE"], "a") as file:
    print(*sys.argv[1:], file=file)
if given["video"].endswith("endless"):
    time.sleep(60)
if given["video"].endswith("bad"):
    sys.exit(2)
pathlib.Path(given["out"]).write_text("made")
"""


@pytest.fixture
def done(tmp_path, monkeypatch):
    """A launcher that notes its command lines and makes a file; what it noted."""
    (tmp_path / "launcher.py").write_text(_LAUNCHER)
    monkeypatch.setenv("DONE", str(tmp_path / "done.txt"))
    monkeypatch.setattr(run, "_LAUNCHER", (str(tmp_path / "launcher.py"),))
    return lambda: (tmp_path / "done.txt").read_text().splitlines()


def write_jobs(folder: pathlib.Path, *entries: tuple[str, str, list[str]]) -> pathlib.Path:
    """A plan of captures: from what, to what, after what."""
    listed = [{"command": "capture", "video": video, "out": out, "after": after} for video, out, after in entries]
    (folder / "plan.json").write_text(json.dumps(listed))
    return folder / "plan.json"


def test_a_job_is_a_command_line_with_paths_from_the_plan(tmp_path, done, monkeypatch):
    plan = write_jobs(tmp_path, ("a.mp4", "data/a", []))
    monkeypatch.chdir("/")
    run_plan(plan, device="cpu")
    assert done() == [f"capture --video={tmp_path}/a.mp4 --out={tmp_path}/data/a --device=cpu"]


def test_what_needs_a_failed_job_waits_and_a_second_call_does_only_that(tmp_path, done, capsys):
    plan = write_jobs(tmp_path, ("bad", "a", []), ("one", "b", ["a"]), ("two", "c", []), ("three", "d", ["c", "b"]))
    with pytest.raises(UserError) as told:
        run_plan(plan)
    assert "/a: launch.py capture --video=" in str(told.value)
    assert str(told.value).endswith("ended with status 2; its output says why.")
    out = capsys.readouterr().out
    assert f"/b: waits for {tmp_path}/a; run" in out and f"/d: waits for {tmp_path}/b; run" in out
    assert len(done()) == 2
    plan.write_text(plan.read_text().replace("bad", "good"))
    run_plan(plan)
    assert [line.partition("--out=")[2].partition(" ")[0] for line in done()[2:]] == [
        f"{tmp_path}/{name}" for name in "abd"
    ]
    run_plan(plan)
    assert len(done()) == 5 and capsys.readouterr().out.count("done before") == 5


def test_sigterm_reaches_the_job_and_no_other_is_begun(tmp_path, done):
    plan = write_jobs(tmp_path, ("endless", "a", []), ("one", "b", []))
    code = "import pathlib, sys; from pegasus_jax.plan import run; run._LAUNCHER = (sys.argv[1],)\n"
    code += "run.run_plan(pathlib.Path(sys.argv[2]))"
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "launcher.py", plan], env=environment)
    deadline = time.monotonic() + 300
    while not (tmp_path / "done.txt").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(50) == 128 + signal.SIGTERM, "the job sleeps for longer than we wait"
    assert len(done()) == 1 and not (tmp_path / "b").exists()


TRAIN = {"command": "train", "data": ["a"], "workdir": "w"}
CAPTURE = {"command": "capture", "video": "a.mp4", "out": "b"}


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([{"out": "a"}], "job 1 has no 'command'"),
        ([{"command": "dance", "out": "a"}], "job 1: 'dance' is no command of plans; there are capture, train, synth"),
        ([{"command": "view", "out": "a", "host": "0.0.0.0"}], "job 1: 'view' is no command of plans"),
        ([TRAIN | {"coordinator_address": "here:1"}], "job 1: train has no key 'coordinator_address' in plans"),
        ([TRAIN | {"vgg_weights": "a.pth"}], "job 1: train has no key 'vgg_weights' in plans"),
        ([{"command": "train", "config": "a.py"}], "job 1 names nothing that it makes"),
        ([TRAIN | {"after": ["b"]}], r"job 1 comes after \S+/b, which no job before it"),
        ([TRAIN] * 2, "two jobs write to the same folder"),
        ([TRAIN, TRAIN | {"workdir": "./x/../w"}], "two jobs write to the same folder"),
        (
            [TRAIN | {"config": "a.py:quick"}],
            r"job 1 trains by \S+/a\.py:quick, which is not among .* add --trust if",
        ),
        ([CAPTURE, TRAIN | {"config": "/a.py"}], "job 2 trains by /a.py, which is not among the project's own configs"),
        ([CAPTURE | {"out": "../b"}], r"job 1 writes to '\.\./b'; a plan writes below its own folder"),
        ([CAPTURE | {"out": "/b"}], "job 1 writes to '/b'"),
        ([CAPTURE | {"out": "~/b"}], "job 1 writes to '~/b'"),
        ([CAPTURE | {"out": "x/../../b"}], "job 1 writes to"),
        ([CAPTURE | {"out": "."}], "job 1 writes to"),
        ([CAPTURE | {"out": ["b"]}], "job 1: out must be a text"),
        ([CAPTURE | {"command": ["capture"]}], "job 1: command must be a text"),
        ([CAPTURE | {"video": 3}], "job 1: video must be a text"),
        ([CAPTURE | {"video": None}], "job 1: video must be a text"),
        ([CAPTURE | {"after": {"a": 1}}], "job 1: after must be one or more texts"),
        ([TRAIN | {"data": [["a"]]}], "job 1: data must be one or more texts"),
        ([TRAIN | {"config": {}}], "job 1: config must be a text"),
        ([[]], "must be a list of jobs"),
    ],
)
def test_plans_that_are_none_are_told(tmp_path, entries, sentence):
    (tmp_path / "plan.json").write_text(json.dumps(entries))
    with pytest.raises(UserError, match=sentence):
        read_plan(tmp_path / "plan.json")


def test_a_config_of_somebody_else_is_run_when_it_is_trusted(tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps([TRAIN | {"config": "a.py"}]))
    assert [job.out for job in read_plan(tmp_path / "plan.json", trust=True)] == [tmp_path / "w"]


def test_lists_become_flags(tmp_path):
    entry = {"command": "train", "data": ["a", "b"], "workdir": "w"}
    assert run._words(entry, tmp_path)[1:] == [
        f"--data={tmp_path}/a",
        f"--data={tmp_path}/b",
        f"--workdir={tmp_path}/w",
    ]


def write_person(folder: pathlib.Path) -> pathlib.Path:
    """A clip whose mouth is seen in any pose."""
    tiny.write_dataset(folder, num_frames=5)
    mouth = np.zeros((tiny.SIDE, tiny.SIDE), np.uint8)
    mouth[:, :12] = 255
    for number in read_dataset(folder).numbers.tolist():
        write_png(folder / "parts" / "mouth" / f"{number}.png", mouth)
    return folder


@pytest.mark.slow
def test_two_donors_become_looks_of_a_target_and_nothing_is_done_twice(tmp_path, monkeypatch):
    """The real commands, in this process, where they share what is compiled."""
    tiny.write_head(tmp_path / "head.npz")
    (tmp_path / "tiny.py").write_text(_CONFIG)
    me, ada, bob = (write_person(tmp_path / name) for name in ("me", "ada", "bob"))
    config = f"{tmp_path}/tiny.py"
    options = Options(("mouth",), f"{config}:generative", config, tmp_path / "head.npz")
    plan = tmp_path / "all" / "plan.json"
    write_plan(plan, target=me, donors=[ada, bob], options=options)
    done = []

    def execute(words, is_done):
        assert not is_done()
        assert launch.main(words) == 0
        assert is_done()
        done.append(words[0])

    monkeypatch.setattr(run, "_execute", execute)
    monkeypatch.setattr("pegasus_jax.training.figures.held_out_sheet", lambda *arguments, **options: None)  # slow
    run_plan(plan, array_index=1, array_size=2, trust=True)  # the last job waits for the other share
    assert done == ["train", "synthesize"]
    run_plan(plan, trust=True)
    assert done == ["train", "synthesize"] * 2 + ["train"]
    assert load(tmp_path / "all" / "runs" / "me").looks == ("me", "mouth/ada", "mouth/bob")
