"""Which metric needs which file, where it comes from, and what a table says where it is absent.

Files are looked for by `pegasus_jax.assets.find`: $PEGASUS_ASSETS, then the user's cache. None is fetched on its own:
each has a licence of its own. `launch.py assets --metrics` fetches the trunks of LPIPS; docs/metrics.md says how to get
the others.
"""

import dataclasses
import importlib.util
import pathlib
from collections.abc import Callable
from typing import TypeVar

from pegasus_jax import assets
from pegasus_jax.core import trunks
from pegasus_jax.core.trunks import Net
from pegasus_jax.evaluation import face_descriptor
from pegasus_jax.evaluation.face_descriptor import FaceDescriptor
from pegasus_jax.evaluation.lpips import Lpips
from pegasus_jax.evaluation.onnx_features import ARCFACE, INCEPTION, OnnxFeatures
from pegasus_jax.evaluation.vgg_features import VggDistance

INCEPTION_FILE = "fid_inception.onnx"
ARCFACE_FILE = "arcface.onnx"
VGG_FILES = (trunks.FILES["vgg"], "vgg16_edges.safetensors")  # the second is refined for edges
GUIDE = "docs/metrics.md"

Metric = TypeVar("Metric")


@dataclasses.dataclass(frozen=True)
class NotComputed:
    """Stands in a report where a figure would, so that nobody reads an absent one as zero."""

    needs: str

    def __str__(self) -> str:
        return f"not computed: needs {self.needs}"


def lpips(net: Net = "alex") -> Lpips | NotComputed:
    """LPIPS over AlexNet, as the papers report it, or over VGG16."""
    trunk, heads = assets.find(trunks.FILES[net]), linear_weights(net)
    missing = [f"{trunks.FILES[net]} (python launch.py assets --metrics)"] if trunk is None else []
    if heads is None:
        missing.append("the package lpips (pip install --no-deps lpips)")
    if trunk is None or heads is None:
        return NotComputed(f"{' and '.join(missing)}; see {GUIDE}")
    return Lpips.load(trunk, heads, net=net)


def inception() -> OnnxFeatures | NotComputed:
    """The features that make `frechet_distance` FID and `kernel_distance` KID."""
    return _with_files((INCEPTION_FILE,), lambda path: OnnxFeatures(path, preprocessing=INCEPTION))


def arcface() -> OnnxFeatures | NotComputed:
    """The embedding of identity similarity, TL-ID and TG-ID."""
    return _with_files((ARCFACE_FILE,), lambda path: OnnxFeatures(path, preprocessing=ARCFACE))


def dlib_descriptor() -> FaceDescriptor | NotComputed:
    """dlib's face descriptor, of the extra `identity`."""
    folder = face_descriptor.models_folder()
    if folder is None:
        return NotComputed("the packages dlib-bin and face_recognition_models: pip install -e '.[identity]'")
    return FaceDescriptor(folder)


def vgg_distances(file: str) -> dict[str, VggDistance | NotComputed]:
    """By the names of their figures, distances through one file of VGG16's weights, or through all that are here.

    Args:
        file: a path, or "" for those of `VGG_FILES` that are found.
    """
    paths = [pathlib.Path(file).expanduser()] if file else [path for name in VGG_FILES if (path := assets.find(name))]
    if not paths:
        folder = assets.search_folders()[0]
        needs = f"{' or '.join(VGG_FILES)} in {folder}, or --config.vgg_weights=FILE (see {GUIDE})"
        return {"vgg_distance": NotComputed(needs)}
    return {f"vgg_distance/{one.name}": one for one in map(VggDistance.load, paths)}


def linear_weights(net: Net) -> pathlib.Path | None:
    """The linear weights of LPIPS: `lpips_alex.pth` among the assets, or those of the package `lpips`."""
    if found := assets.find(f"lpips_{net}.pth"):
        return found
    package = importlib.util.find_spec("lpips")
    folders = package.submodule_search_locations if package else None
    path = pathlib.Path(folders[0]) / "weights" / "v0.1" / f"{net}.pth" if folders else None
    return path if path and path.is_file() else None


def _with_files(names: tuple[str, ...], load: Callable[..., Metric]) -> Metric | NotComputed:
    paths = [assets.find(name) for name in names]
    missing = [name for name, path in zip(names, paths) if path is None]
    if missing:
        return NotComputed(f"{' and '.join(missing)} in {assets.search_folders()[0]} (see {GUIDE})")
    return load(*paths)
