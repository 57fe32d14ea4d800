"""Compiles the native library against the installed jaxlib and keeps it in the user's cache."""

import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

import jax.ffi
import jaxlib.version

# No -ffast-math: it would flush denormals to zero in the whole process.
_FLAGS = ("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi")
_COMMON_FLAGS = ("-ffp-contract=off",)
# The kernels are compiled once for each; which one runs is decided when the library is loaded: a home can be shared by
# machines.
_INSTRUCTION_SETS: dict[str, tuple[str, ...]] = {"baseline": ()}
if platform.machine() in ("x86_64", "AMD64"):
    _INSTRUCTION_SETS |= {
        "avx2": ("-mavx2", "-mfma"),
        "avx512": (
            *("-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mavx2", "-mfma"),
            "-mprefer-vector-width=512",
        ),
    }
_KERNELS = "kernels.cc"
_KERNEL_FLAGS = ("-ffp-contract=fast",)
_SOURCES = pathlib.Path(__file__).parent
_TIMEOUT_SECONDS = 300


class BuildError(RuntimeError):
    """The library could not be built; the message says why, in one sentence without a full stop."""


def library() -> pathlib.Path:
    """The compiled library for this source, compiler and jaxlib; built if it is not in the cache.

    Raises:
      BuildError: no compiler, a compiler that fails, or a cache that cannot be written or trusted.
    """
    compiler = _compiler()
    try:
        folder = _cache_folder()
    except RuntimeError as error:  # no $HOME, and a user that the system does not know: a container
        raise BuildError("there is no home folder for a cache; set $XDG_CACHE_HOME") from error
    target = folder / f"{_key(compiler)}.so"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _distrust(folder)
        if not target.exists():
            with _alone_in(folder):
                if not target.exists():
                    _build(compiler, target)
    except OSError as error:
        raise BuildError(f"the cache folder {folder} cannot be used: {error.strerror}") from error
    return target


def _compiler() -> list[str]:
    """The compiler and its first arguments: $CXX may name a wrapper or hold flags."""
    named = os.environ.get("CXX")
    try:
        candidates = [shlex.split(named)] if named else [["c++"], ["g++"], ["clang++"]]
    except ValueError as error:
        raise BuildError(f"$CXX, {named}, cannot be read: {error}") from error
    for name, *arguments in filter(None, candidates):
        if path := shutil.which(name):
            return [path, *arguments]
    wanted = f"the compiler named by $CXX, {named}," if named else "a C++ compiler (c++, g++ or clang++)"
    raise BuildError(f"{wanted} was not found; install one, e.g. `apt-get install g++`")


def _cache_folder() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "pegasus-jax" / "rasterizer"


def _distrust(folder: pathlib.Path) -> None:
    """Refuses another user's folder, closes one that others can write, and discards what they may have put there.

    A library is code that this process would run.
    """
    status = folder.stat()
    if status.st_uid not in (os.getuid(), 0):
        raise BuildError(f"the cache folder {folder} belongs to another user; set $XDG_CACHE_HOME")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        folder.chmod(0o700)
        for path in folder.iterdir():
            if not path.is_dir():
                path.unlink()


@contextlib.contextmanager
def _alone_in(folder: pathlib.Path) -> Iterator[None]:
    """Waits for other processes that build in `folder`, where its file system can say so."""
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems; then several may build, and any result will do
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _key(compiler: Sequence[str]) -> str:
    recipe = (compiler, _FLAGS, _COMMON_FLAGS, _KERNEL_FLAGS, _INSTRUCTION_SETS, platform.platform())
    digest = hashlib.sha256(repr(recipe).encode())
    for path in sorted([*_SOURCES.glob("*.cc"), *_SOURCES.glob("*.h")]):
        digest.update(path.name.encode() + path.read_bytes())
    return f"jaxlib-{jaxlib.version.__version__}-{digest.hexdigest()[:16]}"


def _build(compiler: Sequence[str], target: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        objects, commands = [], []
        for name, source, flags in _units():
            objects.append(f"{folder}/{name}.o")
            include = f"-isystem{jax.ffi.include_dir()}"
            commands.append([*compiler, *_FLAGS, *flags, include, "-c", str(source), "-o", objects[-1]])
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(_run, commands))
        built = pathlib.Path(folder) / target.name
        _run([*compiler, "-shared", *objects, "-o", str(built)])
        built.replace(target)  # atomic: a process that does not wait for this one sees all of it or nothing


def _units() -> Iterator[tuple[str, pathlib.Path, tuple[str, ...]]]:
    """Name, source and flags of everything to compile, the longest first."""
    for name, flags in reversed(_INSTRUCTION_SETS.items()):
        yield name, _SOURCES / _KERNELS, (*_KERNEL_FLAGS, f"-DRASTERIZER_ISA={name}", *flags)
    for source in sorted(_SOURCES.glob("*.cc")):
        if source.name != _KERNELS:
            yield source.stem, source, _COMMON_FLAGS


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[0]} took longer than {_TIMEOUT_SECONDS} seconds") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise BuildError(f"{command[0]} failed: {lines[0] if lines else f'exit status {done.returncode}'}")
