import dataclasses
import pathlib
import shutil

import numpy as np
import pytest

from pegasus_jax.flame.ict import build_head
from pegasus_jax.flame.ict.published import published_hashes

from . import published_numbers


@dataclasses.dataclass(frozen=True)
class Copy:
    """The published layout in a folder, written again: with hashes of its own."""

    folder: pathlib.Path
    hashes: dict[str, str]


def _asset(real_data, name):
    path = real_data / "assets" / name
    if not path.is_file():
        pytest.skip(f"needs {name} in the test data's assets/")
    with np.load(path) as stored:
        return dict(stored)


@pytest.fixture(scope="session")
def facekit(real_data):
    """ICT-FaceKit's numbers."""
    return _asset(real_data, "ict_facekit.npz")


@pytest.fixture(scope="session")
def first_head(real_data):
    """The first open head, made by other code from the same meshes."""
    return _asset(real_data, "ict_head.npz")


@pytest.fixture(scope="session")
def copy(facekit, tmp_path_factory):
    repository = tmp_path_factory.mktemp("ICT-FaceKit")
    folder = repository / "FaceXModel"
    folder.mkdir()
    yield Copy(folder, published_numbers.write_folder(facekit, folder, published_hashes()))
    shutil.rmtree(repository)  # pytest would keep a hundred megabytes


@pytest.fixture(scope="session")
def head_file(copy, tmp_path_factory):
    """The head built from the published layout."""
    return build_head(copy.folder.parent, folder=tmp_path_factory.mktemp("assets"), hashes=copy.hashes)


@pytest.fixture(scope="session")
def arrays(head_file):
    with np.load(head_file) as stored:
        return dict(stored)
