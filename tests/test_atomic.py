import errno
import os
import pathlib
import subprocess
import sys
import types

import pytest

from pegasus_jax import atomic
from pegasus_jax.errors import UserError


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "table.json"
    with atomic.file(path) as temporary:
        assert temporary.suffix == ".json" and temporary.parent.parent == path.parent
        temporary.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"
    with pytest.raises(KeyboardInterrupt), atomic.file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "me"
    path.mkdir()
    with atomic.folder(path) as temporary:
        (temporary / "1.png").write_text("one")
    assert (path / "1.png").read_text() == "one"
    with pytest.raises(UserError, match="me already exists and is not empty; remove it"), atomic.folder(path):
        pass
    with pytest.raises(RuntimeError), atomic.folder(path, replace=True) as temporary:
        (temporary / "2.png").write_text("two")
        raise RuntimeError
    assert [p.name for p in path.iterdir()] == ["1.png"]
    with atomic.folder(path, replace=True) as temporary:
        (temporary / "2.png").write_text("two")
    assert [p.name for p in path.iterdir()] == ["2.png"]
    assert list(tmp_path.iterdir()) == [path]


def test_files_and_folders_are_not_taken_for_each_other(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a folder; give the name of a file"), atomic.file(tmp_path):
        pass
    with (
        pytest.raises(UserError, match="give the name of a folder"),
        atomic.folder(tmp_path / "file"),
    ):
        pass


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    usage = types.SimpleNamespace(free=3 * 2**20)
    monkeypatch.setattr(atomic.shutil, "disk_usage", lambda path: usage)
    with (
        pytest.raises(UserError, match=r"No disk space left while writing .*x.bin \(3 MiB free\)"),
        atomic.file(tmp_path / "x.bin"),
        pathlib.Path("/dev/full").open("wb") as full,
    ):
        full.write(b"0")
        full.flush()
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_is_one_sentence_whatever_the_reason(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x", tmp_path / (300 * "x"), pathlib.Path("/proc/x/y")):
        for write in (atomic.file, atomic.folder):
            with pytest.raises(UserError, match=r"cannot be written \(.+\); choose another place\.$"), write(path):
                pass
        with pytest.raises(UserError, match=r"cannot be written \(.+\); choose another place\.$"):
            atomic.check_place(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_becomes_read_only_on_the_way_is_told(tmp_path, number):
    with pytest.raises(UserError, match=r"x\.bin cannot be written"), atomic.file(tmp_path / "x.bin"):
        raise OSError(number, "so it is")
    assert not list(tmp_path.iterdir())


def test_what_a_writer_cannot_read_is_not_about_the_place(tmp_path):
    with pytest.raises(FileNotFoundError), atomic.file(tmp_path / "x.bin"):
        (tmp_path / "absent").read_bytes()


KILLED = """
import os, pathlib, signal, sys
from pegasus_jax import atomic
path, moment = pathlib.Path(sys.argv[1]), sys.argv[2]
if moment == "between the renames":
    atomic._exchanged = lambda first, second: False
    rename = pathlib.Path.rename
    def killed(self, target):
        rename(self, target)
        os.kill(os.getpid(), signal.SIGKILL)
    pathlib.Path.rename = killed
with atomic.folder(path, replace=True) as temporary:
    (temporary / "2.png").write_text("two")
    if moment == "while writing":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["while writing", "between the renames"])
def test_what_a_killed_writer_leaves_is_swept_and_what_it_hid_comes_back(tmp_path, moment):
    path = tmp_path / "me"
    path.mkdir()
    (path / "1.png").write_text("one")
    assert subprocess.run([sys.executable, "-c", KILLED, path, moment], check=False).returncode == -9
    assert len(list(tmp_path.glob(".me-*.unfinished"))) == 1
    with pytest.raises(UserError, match="me already exists and is not empty"), atomic.folder(path):
        pass
    assert list(tmp_path.iterdir()) == [path] and (path / "1.png").read_text() == "one"


def test_what_a_living_writer_has_begun_is_left_to_it(tmp_path):
    path = tmp_path / "me"
    mine = tmp_path / ".me-training.unfinished-notes"
    mine.mkdir()
    with atomic.folder(path) as first:
        (first / "1.png").write_text("one")
        with atomic.folder(path) as second:
            (second / "2.png").write_text("two")
    assert [p.name for p in path.iterdir()] == ["1.png"], "the last one to end"
    assert sorted(tmp_path.iterdir()) == [mine, path]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_folders_are_exchanged_at_once_or_moved_aside(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(atomic, "_exchanged", lambda first, second: False)
    path = tmp_path / "me"
    for name in ("1.png", "2.png"):
        with atomic.folder(path, replace=True) as temporary:
            (temporary / name).write_text(name)
    assert [p.name for p in path.iterdir()] == ["2.png"] and list(tmp_path.iterdir()) == [path]


def test_the_old_folder_comes_back_where_the_new_one_cannot_be_put(tmp_path, monkeypatch):
    path, rename = tmp_path / "me", pathlib.Path.rename
    path.mkdir()
    (path / "1.png").write_text("one")
    monkeypatch.setattr(atomic, "_exchanged", lambda first, second: False)

    def rename_once(self, target):
        if target == path and self.name == "me":
            raise OSError(errno.EIO, "so it is")
        return rename(self, target)

    monkeypatch.setattr(pathlib.Path, "rename", rename_once)
    with pytest.raises(UserError, match="me cannot be written"), atomic.folder(path, replace=True):
        pass
    assert (path / "1.png").read_text() == "one" and list(tmp_path.iterdir()) == [path]


def test_what_is_renamed_is_on_disk_before(tmp_path, monkeypatch):
    flushed, fsync = [], os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (flushed.append(os.fstat(descriptor).st_ino), fsync(descriptor))
    )
    with atomic.folder(tmp_path / "me") as temporary:
        (temporary / "1.png").write_text("one")
    with atomic.file(tmp_path / "x.json") as temporary:
        temporary.write_text("{}")
    paths = [tmp_path / "me" / "1.png", tmp_path / "me", tmp_path, tmp_path / "x.json", tmp_path]
    assert flushed == [path.stat().st_ino for path in paths]
