"""Compiles the native library against the installed jaxlib and keeps it in the user's cache."""

import atexit
import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

import jax.ffi
import jaxlib.version

from rasterizer import cache

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

    Where others may write to the cache, it is built for this process alone.

    Raises:
      BuildError: no compiler, a compiler that fails, or a cache that cannot be written.
    """
    compiler = _compiler()
    try:
        folder = cache.user_folder() / "pegasus-jax" / "rasterizer"
    except RuntimeError as error:  # no $HOME, and a user that the system does not know: a container
        raise BuildError("there is no home folder for a cache; set $XDG_CACHE_HOME") from error
    try:
        if not cache.make_private(folder):
            folder = pathlib.Path(tempfile.mkdtemp(prefix="pegasus-jax-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
        target = folder / f"{_key(compiler)}.so"
        if not cache.is_private(target):
            with _alone_in(folder):
                if not cache.is_private(target):
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
        built.chmod(0o700)
        with built.open("rb") as stream:
            os.fsync(stream.fileno())  # or a power cut could leave an empty one under its name
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
