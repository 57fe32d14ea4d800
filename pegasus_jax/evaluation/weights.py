"""Which metric needs which file, where it comes from, and what a table says where it is absent.

Files are looked for by `pegasus_jax.assets.find`: $PEGASUS_ASSETS, then the user's cache. None is fetched on its own:
each has a licence of its own. docs/metrics.md says how to get them.
"""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

from pegasus_jax import assets
from pegasus_jax.core import trunks
from pegasus_jax.core.trunks import Net
from pegasus_jax.evaluation import face_descriptor
from pegasus_jax.evaluation.face_descriptor import FaceDescriptor
from pegasus_jax.evaluation.lpips import Lpips
from pegasus_jax.evaluation.onnx_features import ARCFACE, INCEPTION, OnnxFeatures

INCEPTION_FILE = "fid_inception.onnx"
ARCFACE_FILE = "arcface.onnx"
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
    return _with_files((trunks.FILES[net], linear_file(net)), lambda trunk, heads: Lpips.load(trunk, heads, net=net))


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


def linear_file(net: Net) -> str:
    """The name under which the `lpips` package's linear weights are looked for."""
    return f"lpips_{net}.pth"


def _with_files(names: tuple[str, ...], load: Callable[..., Metric]) -> Metric | NotComputed:
    paths = [assets.find(name) for name in names]
    missing = [name for name, path in zip(names, paths) if path is None]
    if missing:
        return NotComputed(f"{' and '.join(missing)} in {assets.search_folders()[0]} (see {GUIDE})")
    return load(*paths)
