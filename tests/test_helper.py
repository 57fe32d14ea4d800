"""The second process that shares jobs."""

import os
import time

import jax
import pytest

from pegasus_jax import jobs
from pegasus_jax.errors import UserError
from pegasus_jax.helper import with_help

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="on accelerators there is no second process")


def _two_jobs(folder):
    """Each waits for the other to begin: no process alone gets through."""

    def do(name, other):
        (folder / f"{name}.begun").write_text(str(os.getpid()))
        for _ in range(600):
            if (folder / f"{other}.begun").is_file():
                (folder / name).write_text("")
                return
            time.sleep(0.1)
        raise AssertionError(f"nobody began {other}")

    jobs.run([jobs.Job(folder / a, (folder / a).is_file, lambda a=a, b=b: do(a, b)) for a, b in ("xy", "yx")])


def test_two_processes_share_the_jobs(tmp_path):
    with_help(_two_jobs, tmp_path)
    assert (tmp_path / "x").is_file() and (tmp_path / "y").is_file()
    assert len({(tmp_path / f"{name}.begun").read_text() for name in "xy"}) == 2


def _only_the_first_process_gets_on(folder, first):
    if os.getpid() != first:
        raise UserError("not here")
    with (folder / "calls").open("a") as file:
        file.write("x")


def test_what_the_second_process_cannot_do_is_tried_again_by_the_first(tmp_path):
    with_help(_only_the_first_process_gets_on, tmp_path, os.getpid())
    assert (tmp_path / "calls").read_text() == "xx"


def _mistaken(folder):
    raise UserError("a mistake")


def test_a_mistake_is_told_by_the_first_process(tmp_path):
    with pytest.raises(UserError, match="a mistake"):
        with_help(_mistaken, tmp_path)
