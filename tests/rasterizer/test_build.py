"""Building the native library: the cache, and every way it can fail."""

import os
import pathlib
import shutil
import stat
import subprocess
import sys

import pytest

from rasterizer.cpu import build
from tests.rasterizer import cases


def _fake_compiler(folder, script: str) -> str:
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


WRITE_ITS_OUTPUT = 'echo "$*" >> "$(dirname "$0")/log"; while [ "$1" != -o ]; do shift; done; echo library > "$2"'


def _num_links(folder) -> int:
    return sum("-shared" in line for line in (folder / "log").read_text().splitlines())


def test_the_library_is_built_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", _fake_compiler(tmp_path, WRITE_ITS_OUTPUT))
    first, second = build.library(), build.library()
    assert first == second
    assert first.read_text() == "library\n"
    assert _num_links(tmp_path) == 1
    assert os.listdir(first.parent) == [first.name]


def test_another_source_or_jaxlib_is_another_library(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", _fake_compiler(tmp_path, WRITE_ITS_OUTPUT))
    built = {build.library()}
    monkeypatch.setattr(build.jaxlib.version, "__version__", "99.0")
    built.add(build.library())
    monkeypatch.setattr(build, "_SOURCES", tmp_path)
    (tmp_path / "splat.cc").write_text("int x;")
    built.add(build.library())
    assert len(built) == 3


def test_a_compiler_may_come_with_arguments(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", f"{_fake_compiler(tmp_path, WRITE_ITS_OUTPUT)} g++ -m64 '-DNAME=a b'")
    build.library()
    assert all(line.startswith("g++ -m64 -DNAME=a b -") for line in (tmp_path / "log").read_text().splitlines())


def test_a_compiler_that_cannot_be_read(monkeypatch):
    monkeypatch.setenv("CXX", "g++ 'unfinished")
    with pytest.raises(build.BuildError, match=r"\$CXX, g\+\+ 'unfinished, cannot be read: No closing quotation"):
        build.library()


FOUR_BUILDS = """
import sys
from rasterizer.cpu import build
sys.stdin.readline()
print(build.library())
"""


def test_four_processes_with_an_empty_cache_build_once(tmp_path):
    slow = _fake_compiler(tmp_path, f"sleep 0.3; {WRITE_ITS_OUTPUT}")
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "CXX": slow, "JAX_PLATFORMS": "cpu"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    root = pathlib.Path(__file__).parents[2]
    command = [sys.executable, "-c", FOUR_BUILDS]
    processes = [subprocess.Popen(command, env=environment, cwd=root, **pipes) for _ in range(4)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    built = {process.communicate(timeout=120)[0] for process in processes}
    assert len(built) == 1 and built != {""}
    assert _num_links(tmp_path) == 1


def test_what_others_may_have_put_into_the_cache_is_built_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", _fake_compiler(tmp_path, WRITE_ITS_OUTPUT))
    target = build.library()
    target.write_text("planted")
    assert build.library().read_text() == "planted"
    target.parent.chmod(0o777)
    assert build.library().read_text() == "library\n"
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700


def _give_away(path, monkeypatch):
    """Makes a file or folder another user's, or us another user."""
    if os.getuid() == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)


def test_the_cache_of_another_user_is_left_alone_and_a_library_built_for_this_process(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", _fake_compiler(tmp_path, WRITE_ITS_OUTPUT))
    planted = build.library()
    planted.write_text("planted")
    _give_away(planted.parent, monkeypatch)
    private = build.library()
    assert private.parent != planted.parent and private.read_text() == "library\n"
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700 and planted.read_text() == "planted"


@pytest.mark.parametrize("how", ["writable", "another user's", "link"])
def test_a_library_that_others_may_have_written_is_built_again(tmp_path, monkeypatch, how):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", _fake_compiler(tmp_path, WRITE_ITS_OUTPUT))
    target = build.library()
    target.write_text("planted")
    if how == "writable":
        target.chmod(0o770)
    elif how == "link":
        target.rename(tmp_path / "elsewhere.so")
        target.symlink_to(tmp_path / "elsewhere.so")
    elif os.getuid() == 0:
        os.chown(target, 12345, -1)
    else:
        pytest.skip("needs the right to give files away")
    again = build.library()
    assert again == target and again.read_text() == "library\n" and not again.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o700


def test_new_folders_of_the_cache_are_private_and_a_relative_place_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", _fake_compiler(tmp_path, WRITE_ITS_OUTPUT))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.chdir(tmp_path)
    library = build.library()
    assert library.is_relative_to(tmp_path / "home" / ".cache") and not (tmp_path / "cache").exists()
    for folder in [library.parent, library.parent.parent, tmp_path / "home" / ".cache"]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_compiler_that_fails_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", _fake_compiler(tmp_path, "echo 'splat.cc:1: error: no such thing' >&2; exit 1"))
    with pytest.raises(build.BuildError, match=r"compiler failed: splat\.cc:1: error: no such thing"):
        build.library()
    assert not list((tmp_path / "cache").rglob("*.so"))


def test_no_compiler(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(build.BuildError, match=r"a C\+\+ compiler .* was not found; install one"):
        build.library()


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("CXX", _fake_compiler(tmp_path, WRITE_ITS_OUTPUT))
    with pytest.raises(build.BuildError, match=r"cache folder .* cannot be used: Not a directory"):
        build.library()


@pytest.mark.skipif(not shutil.which("nm"), reason="needs nm")
@cases.backends("cpu")
def test_kernels_share_no_code_with_other_files(tmp_path, backend):
    """The linker would keep one copy for all, perhaps one with instructions that the processor lacks."""
    for name, source, flags in build._units():
        if source.name == build._KERNELS:
            target = tmp_path / f"{name}.o"
            subprocess.run([*build._compiler(), *build._FLAGS, *flags, "-c", source, "-o", target], check=True)
            symbols = subprocess.run(["nm", "-C", target], check=True, capture_output=True, text=True).stdout
            shared = [line for line in symbols.splitlines() if " W " in line or " V " in line or " u " in line]
            assert not [line for line in shared if f"rasterizer::{name}::" not in line]


@cases.backends("cpu")
def test_the_built_library_is_in_the_cache(backend):
    assert build.library().is_file()
