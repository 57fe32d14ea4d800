import sys

import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import weights
from pegasus_jax.evaluation.lpips import Lpips
from pegasus_jax.torch_files import read_tensors
from tests.core import plain_trunk
from tests.evaluation.tiny_onnx import write_network


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The only place where weights are looked for; empty."""
    monkeypatch.setenv("PEGASUS_ASSETS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize(
    "load, names",
    [
        (weights.inception, "fid_inception.onnx"),
        (weights.arcface, "arcface.onnx"),
    ],
)
def test_absent_weights_are_said_in_place_of_the_figure(folder, load, names):
    missing = load()
    assert isinstance(missing, weights.NotComputed)
    assert str(missing) == f"not computed: needs {names} in {folder} (see docs/metrics.md)"


@pytest.mark.parametrize("net, trunk", [("alex", "alexnet-owt-7be5be79.pth"), ("vgg", "vgg16-397923af.pth")])
def test_lpips_names_only_what_is_absent(folder, monkeypatch, net, trunk):
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None)
    command, package = "python launch.py assets --metrics", "the package lpips (pip install --no-deps lpips)"
    both = f"{trunk} ({command}) and {package}; see docs/metrics.md"
    assert weights.lpips(net) == weights.NotComputed(both)
    (folder / f"lpips_{net}.pth").touch()
    assert weights.lpips(net) == weights.NotComputed(f"{trunk} ({command}); see docs/metrics.md")


def test_linear_weights_are_those_of_the_package_which_is_not_imported(folder, monkeypatch):
    package = folder / "site" / "lpips"
    (package / "weights" / "v0.1").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('nobody imports this: it wants torch')")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, "lpips", raising=False)
    assert weights.linear_weights("alex") is None, "a package without files"
    head = package / "weights" / "v0.1" / "alex.pth"
    head.touch()
    assert weights.linear_weights("alex") == head and weights.linear_weights("vgg") is None
    (folder / "lpips_alex.pth").touch()
    assert weights.linear_weights("alex") == folder / "lpips_alex.pth", "a file of one's own comes first"


@pytest.mark.parametrize("net, widths", [("alex", (64, 192, 384, 256, 256)), ("vgg", (64, 128, 256, 512, 512))])
def test_the_installed_packages_linear_weights_are_read(folder, net, widths):
    path = weights.linear_weights(net)
    if path is None:
        pytest.skip("needs the package lpips: pip install --no-deps lpips")
    tensors = read_tensors(path)
    shapes = [tensors[f"lin{layer}.model.1.weight"].shape for layer in range(5)]
    assert shapes == [(1, width, 1, 1) for width in widths]
    assert all(tensors[f"lin{layer}.model.1.weight"].min() >= 0 for layer in range(5))


def test_vgg_distances_go_under_the_names_of_their_files(folder):
    ((name, missing),) = weights.vgg_distances("").items()
    assert name == "vgg_distance" and str(missing) == (
        f"not computed: needs vgg16-397923af.pth or vgg16_edges.safetensors in {folder}, "
        "or --config.vgg_weights=FILE (see docs/metrics.md)"
    )
    tensors = plain_trunk.random_weights(plain_trunk.SEQUENCES["vgg"][:23])
    for file in ("vgg16_edges.safetensors", "mine.safetensors"):
        plain_trunk.write_safetensors(folder / file, tensors)
    assert list(weights.vgg_distances("")) == ["vgg_distance/vgg16_edges"]
    assert list(weights.vgg_distances(str(folder / "mine.safetensors"))) == ["vgg_distance/mine"]
    with pytest.raises(UserError, match=r"There is no file .*absent\.pth"):
        weights.vgg_distances(str(folder / "absent.pth"))


def test_networks_are_loaded_from_the_folder(folder):
    kernel, bias = np.ones((4, 3, 3, 3), np.float32), np.zeros(4, np.float32)
    images = np.random.default_rng(0).random((2, 120, 100, 3), np.float32)
    for name, load, side in (("fid_inception.onnx", weights.inception, 299), ("arcface.onnx", weights.arcface, 112)):
        write_network(folder / name, kernel, bias, size=(side, side))
        assert load()(images).shape == (2, 4)


def test_lpips_is_loaded_from_both_files(folder, monkeypatch):
    for name in ("alexnet-owt-7be5be79.pth", "lpips_alex.pth"):
        (folder / name).touch()
    monkeypatch.setattr(Lpips, "load", lambda *files, net: (*files, net))
    assert weights.lpips() == (folder / "alexnet-owt-7be5be79.pth", folder / "lpips_alex.pth", "alex")
