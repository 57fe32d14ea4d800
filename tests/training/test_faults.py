"""What a run does about a full disk, damaged files, and being asked to end: nothing is lost."""

import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.leaves import flat
from pegasus_jax.data.stages import Stages
from pegasus_jax.errors import UserError
from pegasus_jax.inference import checkpoint
from pegasus_jax.training import figures, train
from pegasus_jax.training.checkpoints import Checkpoints
from tests.training import tiny
from tests.training.states import random_state


def save_two(workdir: pathlib.Path) -> None:
    """Checkpoints of 8 and 16 frames, with points of seeds 8 and 16."""
    with Checkpoints(workdir) as checkpoints:
        for frames_seen in (8, 16):
            state = random_state(64, seed=frames_seen)
            checkpoints.save(dataclasses.replace(state, frames_seen=jnp.int32(frames_seen)))


def truncate(path: pathlib.Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, pathlib.Path.unlink])
def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(tmp_path, damage, capfd):
    save_two(tmp_path)
    newest = tmp_path / "checkpoints" / "16"
    damage(max(newest.rglob("d/*"), key=lambda path: path.stat().st_size))  # where arrays are: not all else is needed
    np.testing.assert_array_equal(
        checkpoint.read_newest(tmp_path)["params.points"], random_state(64, seed=8).params.points
    )
    assert "checkpoints/16 is damaged (" in capfd.readouterr().err
    with Checkpoints(tmp_path) as checkpoints:
        restored = checkpoints.restore(random_state(4))
        assert restored is not None and int(restored.frames_seen) == 8
        checkpoints.save(dataclasses.replace(random_state(64, seed=1), frames_seen=jnp.int32(16)))
    np.testing.assert_array_equal(
        checkpoint.read_newest(tmp_path)["params.points"], random_state(64, seed=1).params.points
    )


def test_no_flipped_bit_of_a_checkpoint_goes_unnoticed(tmp_path):
    save_two(tmp_path)
    newest = tmp_path / "checkpoints" / "16"
    for path in [path for path in newest.rglob("*") if path.is_file() and path.stat().st_size]:
        whole = path.read_bytes()
        flip_a_bit(path)
        found = checkpoint.read_newest(tmp_path)
        seen = int(found["frames_seen"])
        assert seen in (8, 16)
        expected = dataclasses.replace(random_state(64, seed=seen), frames_seen=jnp.int32(seen))
        for name, leaf in flat(expected).items():
            np.testing.assert_array_equal(found[name], leaf, err_msg=f"{path.name}: {name}")
        path.write_bytes(whole)


def test_damage_to_all_checkpoints_is_one_sentence(tmp_path):
    save_two(tmp_path)
    for path in (tmp_path / "checkpoints").rglob("*"):
        if path.is_file():
            truncate(path)
    with (
        Checkpoints(tmp_path) as checkpoints,
        pytest.raises(UserError, match=r"No checkpoint in \S+ can be read; restore"),
    ):
        checkpoints.restore(random_state(4))
    assert (tmp_path / "checkpoints" / "16").exists(), "nothing is moved"


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path):
    """On a file system of one MiB in memory, where one may be mounted."""
    workdir, options = tmp_path / "run", ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path / "run")]
    workdir.mkdir()
    if os.geteuid() or subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        fill_up(workdir)
    finally:
        subprocess.run(["umount", str(workdir)], check=True)


def fill_up(workdir: pathlib.Path) -> None:
    small = dataclasses.replace(random_state(64), frames_seen=jnp.int32(8))
    with Checkpoints(workdir) as checkpoints:
        checkpoints.save(small)
    with (
        pytest.raises(
            UserError, match=r"No disk space left while saving a checkpoint in \S+run; the one before is kept"
        ),
        Checkpoints(workdir) as checkpoints,
    ):
        checkpoints.save(dataclasses.replace(random_state(200_000), frames_seen=jnp.int32(16)))
    kept = checkpoint.read_newest(workdir)
    assert kept["frames_seen"] == 8
    np.testing.assert_array_equal(kept["params.points"], small.params.points)
    with Checkpoints(workdir) as checkpoints:
        checkpoints.save(dataclasses.replace(small, frames_seen=jnp.int32(24)))
    assert checkpoint.read_newest(workdir)["frames_seen"] == 24, "what was half-written is cleared away"


def test_an_unreadable_frame_and_sigterm_on_the_way_change_nothing(tiny_run, tmp_path, monkeypatch):
    """Stopped by a frame that becomes unreadable after the first checkpoint, then by SIGTERM between two pauses."""
    data, workdir = tmp_path / "me", tmp_path / "run"
    shutil.copytree(tiny_run.data, data)
    frame = data / "image" / "4.png"
    whole = frame.read_bytes()

    def run():
        train(tiny.config(), data=[data], workdir=workdir, head=tiny_run.head, cache_gib=0.0)

    with monkeypatch.context() as patch:
        patch.setattr(figures, "held_out_sheet", lambda *args, **options: frame.write_bytes(whole[:100]))
        with pytest.raises(UserError, match=r"image/4\.png is a damaged picture"):
            run()
    assert checkpoint.read_newest(workdir)["frames_seen"] == 16
    frame.write_bytes(whole)

    rows = Stages.rows

    def terminated(self, seen, size):
        if seen == 20:
            os.kill(os.getpid(), signal.SIGTERM)
        return rows(self, seen, size)

    with monkeypatch.context() as patch:
        patch.setattr(Stages, "rows", terminated)
        with pytest.raises(SystemExit) as ended:
            run()
    assert ended.value.code == 0
    assert 16 < checkpoint.read_newest(workdir)["frames_seen"] < 32
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    run()
    resumed, straight = checkpoint.read_newest(workdir), checkpoint.read_newest(tiny_run.workdir)
    for name in straight:
        np.testing.assert_array_equal(resumed[name], straight[name], err_msg=name)


def test_a_checkpoint_is_made_of_files_alone(tmp_path):
    save_two(tmp_path)
    path = max((tmp_path / "checkpoints" / "16").rglob("d/*"), key=lambda path: path.stat().st_size)
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        path.unlink()
        make(path)
        with pytest.raises(UserError, match=rf"{path} is no regular file; restore"):
            checkpoint.read_newest(tmp_path)


def test_a_checkpoint_that_claims_more_than_it_can_hold_gives_way_to_the_one_before(tmp_path, monkeypatch, capfd):
    save_two(tmp_path)
    monkeypatch.setattr(checkpoint, "_MEMORY_PER_BYTE", 0)
    monkeypatch.setattr(checkpoint.limits, "unpacked_bytes", lambda stored: 100)
    with pytest.raises(UserError, match=r"No checkpoint in .* can be read"):
        checkpoint.read_newest(tmp_path)
    assert "checkpoints/16 is damaged (its arrays would take" in capfd.readouterr().err
