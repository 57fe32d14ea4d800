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

_CONFIG = """
from tests.training import tiny
def get_config(arg=""):
    frames = {"stage_one_frames": 8} if arg else {}
    return tiny.config(step__total_frames=16, cloud__init_points=96, cloud__max_points=96, every__checkpoint=16, **frames)
"""


def write_person(folder: pathlib.Path) -> pathlib.Path:
    """A clip whose mouth is seen in any pose."""
    tiny.write_dataset(folder, num_frames=5)
    mouth = np.zeros((tiny.SIDE, tiny.SIDE), np.uint8)
    mouth[:, :12] = 255
    for number in read_dataset(folder).numbers.tolist():
        write_png(folder / "parts" / "mouth" / f"{number}.png", mouth)
    return folder


@pytest.mark.slow
def test_two_donors_become_looks_of_a_target_and_nothing_is_done_twice(tmp_path, monkeypatch, capsys):
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
        done.append(words[0])
        assert launch.main(words) == 0 and is_done()

    monkeypatch.setattr(run, "_execute", execute)
    with tiny.compilation_cache(tmp_path / "cache"):
        run_plan(plan, array_index=1, array_size=2)  # bob's share; the last job waits for the other
    assert done == ["train", "synthesize", "train", "synthesize", "train"]
    assert load(tmp_path / "all" / "runs" / "me").looks == ("me", "mouth/ada", "mouth/bob")
