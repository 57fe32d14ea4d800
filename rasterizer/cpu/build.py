"""Compiles the native library against the installed jaxlib and keeps it in the user's cache."""

import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

import jax.ffi
import jaxlib.version

# No -ffast-math: it would flush denormals to zero in the whole process. No -march: a home can be shared by machines.
_FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=off")
_SOURCES = pathlib.Path(__file__).parent
_TIMEOUT_SECONDS = 300


class BuildError(RuntimeError):
    """The library could not be built; the message says why, in one sentence without a full stop."""


def library() -> pathlib.Path:
    """The compiled library for this source, compiler and jaxlib; built if it is not in the cache.

    Raises:
      BuildError: no compiler, a compiler that fails, or a cache that cannot be written.
    """
    compiler = _compiler()
    try:
        target = _cache_folder() / f"{_key(compiler)}.so"
    except RuntimeError as error:  # no $HOME, and a user that the system does not know: a container
        raise BuildError("there is no home folder for a cache; set $XDG_CACHE_HOME") from error
    if target.exists():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            built = pathlib.Path(folder) / target.name
            _compile(compiler, built)
            built.replace(target)  # atomic: of two processes that build at once, either result will do
    except OSError as error:
        raise BuildError(f"the cache folder {target.parent} cannot be used: {error.strerror}") from error
    return target


def _compiler() -> str:
    named = os.environ.get("CXX")
    for name in [named] if named else ["c++", "g++", "clang++"]:
        if path := shutil.which(name):
            return path
    wanted = f"the compiler named by $CXX, {named}," if named else "a C++ compiler (c++, g++ or clang++)"
    raise BuildError(f"{wanted} was not found; install one, e.g. `apt-get install g++`")


def _cache_folder() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "pegasus-jax" / "rasterizer"


def _key(compiler: str) -> str:
    digest = hashlib.sha256(repr((compiler, _FLAGS, platform.platform())).encode())
    for path in sorted([*_SOURCES.glob("*.cc"), *_SOURCES.glob("*.h")]):
        digest.update(path.name.encode() + path.read_bytes())
    return f"jaxlib-{jaxlib.version.__version__}-{digest.hexdigest()[:16]}"


def _compile(compiler: str, target: pathlib.Path) -> None:
    sources = sorted(str(path) for path in _SOURCES.glob("*.cc"))
    command = [compiler, *_FLAGS, f"-isystem{jax.ffi.include_dir()}", *sources, "-o", str(target)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise BuildError(f"{compiler} took longer than {_TIMEOUT_SECONDS} seconds") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise BuildError(f"{compiler} failed: {lines[0] if lines else f'exit status {done.returncode}'}")
