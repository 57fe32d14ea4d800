import errno
import pathlib
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
