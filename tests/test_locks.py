"""Locks: one process at a time, no link is followed, none is left."""

import subprocess
import sys

import pytest

from pegasus_jax import locks
from pegasus_jax.errors import UserError

HOLDER = """
import sys, time
from pegasus_jax import locks
with locks.held(sys.argv[1]) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_a_lock_is_one_process_s_until_it_dies(tmp_path):
    path = tmp_path / ".lock"
    other = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "True\n"
    with locks.held(path) as mine:
        assert not mine
    assert path.exists()
    other.kill()
    other.wait()
    with locks.held(path) as mine:
        assert mine and path.exists()
    assert not path.exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(UserError, match=r"\.lock cannot be made \(it is a link\); remove it"),
        locks.held(tmp_path / ".lock"),
    ):
        pass
    assert not (tmp_path / "elsewhere").exists()
