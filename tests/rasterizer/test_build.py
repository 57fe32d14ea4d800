"""Building the native library: the cache, and every way it can fail."""

import os
import stat

import pytest

from rasterizer.cpu import build
from tests.rasterizer import cases


def _fake_compiler(folder, script: str) -> str:
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


WRITE_ITS_OUTPUT = 'echo run >> "$(dirname "$0")/log"; while [ "$1" != -o ]; do shift; done; echo library > "$2"'


def test_the_library_is_built_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", _fake_compiler(tmp_path, WRITE_ITS_OUTPUT))
    first, second = build.library(), build.library()
    assert first == second
    assert first.read_text() == "library\n"
    assert (tmp_path / "log").read_text().count("run") == 1
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


@cases.backends("cpu")
def test_the_built_library_is_in_the_cache(backend):
    assert build.library().is_file()
