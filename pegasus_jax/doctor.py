"""Checks of an installation: what is there, what is not, and what to do about it."""

import dataclasses
import importlib.metadata
import os
import pathlib
import platform
import shutil
import sys
from collections.abc import Callable, Iterator

import numpy as np

from pegasus_jax import assets
from pegasus_jax.errors import UserError

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "mediapipe", "av")
_OPENCVS = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
_LIBRARIES = ("libGL", "libEGL", "libGLES", "libgthread", "libglib", "libxcb", "libSM", "libXext")
_APT = "sudo apt-get install libgl1 libegl1 libgles2 libglib2.0-0"
_NEEDED_DISK_GIB = 5.0
_NEEDED_MEMORY_GIB = 4.0


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    is_good: bool
    detail: str  # what was found; where it is not good, also what to do
    is_essential: bool = False  # whether nothing works without it


def examine(*, head: pathlib.Path | None = None) -> None:
    """Prints the report.

    Raises:
        UserError: something essential is broken.
    """
    good, bad = _marks(sys.stdout.encoding)
    broken = 0
    for finding in findings(head=head):
        print(f"{good if finding.is_good else bad} {finding.subject}: {finding.detail}", flush=True)
        broken += finding.is_essential and not finding.is_good
    if broken:
        raise UserError(f"{broken} essential part{'s' * (broken > 1)} of the installation is broken: see {bad} above.")


def findings(*, head: pathlib.Path | None = None) -> Iterator[Finding]:
    """All checks, one after the other; none of them downloads or changes anything."""
    yield _python()
    yield _packages()
    yield _opencv()
    yield from _guarded("devices", _devices)
    yield from _guarded("rasteriser", _rasteriser)
    yield from _guarded("mediapipe", _mediapipe)
    yield from _guarded("video", _video)
    yield from _guarded("model files", _model_files)
    yield from _guarded("head model", lambda: _head_model(head))
    yield from _guarded("disk", lambda: iter([_disk()]))
    yield from _guarded("memory", lambda: iter([_memory()]))


def explain_import_error(error: ImportError) -> str | None:
    """What to do about a failed import of a dependency, as one sentence; None if we do not know."""
    if any(library in str(error) for library in _LIBRARIES):
        return f"A system library is missing ({error}); on Debian or Ubuntu: {_APT}."
    if isinstance(error, ModuleNotFoundError) and error.name in sys.stdlib_module_names:
        return (
            f"Python's own module {error.name} is not part of Python on {platform.system()}; this runs on Linux and "
            "macOS, and on Windows inside WSL."
        )
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("pegasus_jax"):
        return f"The Python package {error.name} is missing; install the project again: pip install -e ."
    return None


def _marks(encoding: str | None) -> tuple[str, str]:
    """What good and bad lines begin with, on a console of this encoding."""
    try:
        "✓✗".encode(encoding or "ascii")
    except UnicodeEncodeError:
        return "ok", "!!"
    return "✓", "✗"


def _guarded(subject: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The check's findings; what it raises becomes a finding too, so that the report goes on."""
    try:
        yield from check()
    except UserError as error:
        yield Finding(subject, False, str(error))
    except ImportError as error:
        yield Finding(subject, False, explain_import_error(error) or str(error), is_essential=True)
    except (OSError, RuntimeError, LookupError) as error:  # what a machine lacks that this check was used to
        yield Finding(subject, False, f"cannot be found out here ({error!r})")


def _python() -> Finding:
    return Finding("Python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}", True)


def _packages() -> Finding:
    versions = {name: _version(name) for name in _PACKAGES}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return Finding("packages", False, f"{', '.join(missing)} missing; run: pip install -e .", True)
    return Finding("packages", True, ", ".join(f"{name} {version}" for name, version in versions.items()))


def _opencv() -> Finding:
    """Four distributions of OpenCV install into the one folder cv2/; mediapipe's and ours are two of them."""
    found = {name: version for name in _OPENCVS if (version := _version(name))}
    try:
        import cv2
    except ImportError as error:
        return Finding("OpenCV", False, explain_import_error(error) or str(error), is_essential=True)
    alien = found.keys() - set(_OPENCVS[:2])
    if alien or len(set(found.values())) > 1:
        listed = " and ".join(f"{name} {version}" for name, version in found.items())
        remove = f"pip uninstall {' '.join(sorted(alien))}; " if alien else ""
        wanted = found.get(_OPENCVS[1]) or found.get(_OPENCVS[0])
        both = " ".join(f"{name}=={wanted}" if wanted else name for name in _OPENCVS[:2])
        remedy = f"{remove}pip install --force-reinstall --no-deps {both}"
        return Finding("OpenCV", False, f"{listed} write over each other; {remedy}")
    return Finding("OpenCV", True, cv2.__version__)


def _devices() -> Iterator[Finding]:
    import jax

    from pegasus_jax import devices

    try:
        found = ", ".join(f"{device.platform} ({device.device_kind})" for device in jax.devices())
        unused = devices.unused_gpu()
    except RuntimeError as error:  # a broken driver, or $JAX_PLATFORMS names what is not there
        yield Finding("devices", False, f"{error}; try --device=cpu", is_essential=True)
        return
    yield Finding("devices", unused is None, unused or found)


def _rasteriser() -> Iterator[Finding]:
    """Each backend draws one point, or says why it can't."""
    import rasterizer

    if not hasattr(rasterizer, "splat"):
        remedy = "run: pip uninstall rasterizer, then pip install -e ."
        yield Finding("rasteriser", False, f"{rasterizer.__file__} is another project of this name; {remedy}", True)
        return
    means2d, features = np.array([[4.5, 4.5]], np.float32), np.ones((1, 1), np.float32)
    for name in rasterizer.BACKENDS:
        is_essential = name == "auto"
        try:
            out = rasterizer.splat(means2d, np.ones(1, np.float32), 2.0, features, image_size=(8, 8), backend=name)
        except ValueError as error:
            yield Finding(f"rasteriser {name}", False, str(error), is_essential)
            continue
        is_right = bool(np.asarray(out.alpha)[4, 4] > 0.99)
        detail = "draws" if is_right else "draws a wrong picture; report this, please"
        if name == "cpu":
            detail += f" (instruction set: {rasterizer.instruction_set()})"
        yield Finding(f"rasteriser {name}", is_right, detail, is_essential)


def _mediapipe() -> Iterator[Finding]:
    from mediapipe.tasks.python import vision

    yield Finding("mediapipe", hasattr(vision, "FaceLandmarker"), "imports")


def _video() -> Iterator[Finding]:
    import av

    has_encoder = "libx264" in av.codecs_available
    remedy = "PyAV has no H.264 encoder here; run: pip install --force-reinstall --no-deps av"
    yield Finding("video", has_encoder, "H.264 can be written" if has_encoder else remedy)


def _model_files() -> Iterator[Finding]:
    from pegasus_jax.capture import model_files

    for name in sorted(model_files.URLS):
        path = assets.find(name)
        remedy = "not here yet; run: python launch.py assets (or it is fetched when first needed)"
        yield Finding(name, path is not None, str(path or remedy))


def _head_model(head: pathlib.Path | None) -> Iterator[Finding]:
    from pegasus_jax import flame

    model = flame.load_head(head)
    found = f"{model.name} ({model.num_vertices} vertices)"
    remedy = "; enough for the demo, but for real video run: python launch.py assets --head=ict"
    is_realistic = model.sha256 != flame.builtin_head().sha256
    yield Finding("head model", is_realistic, found if is_realistic else found + remedy)


def _disk() -> Finding:
    free = shutil.disk_usage(pathlib.Path.cwd()).free / 2**30
    advice = "" if free >= _NEEDED_DISK_GIB else f"; an avatar takes up to {_NEEDED_DISK_GIB:.0f} GiB"
    return Finding("disk", not advice, f"{free:.1f} GiB free here{advice}")


def _memory() -> Finding:
    if not hasattr(os, "sysconf") or "SC_AVPHYS_PAGES" not in os.sysconf_names:
        return Finding("memory", True, "not known on this system")
    total, free = (os.sysconf("SC_PAGE_SIZE") * os.sysconf(n) / 2**30 for n in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    advice = "" if total >= _NEEDED_MEMORY_GIB else f"; {_NEEDED_MEMORY_GIB:.0f} GiB are needed for training"
    return Finding("memory", not advice, f"{total:.1f} GiB, {free:.1f} GiB free{advice}")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
