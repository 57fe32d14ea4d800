import numpy as np
import pytest

from pegasus_jax.evaluation import weights
from pegasus_jax.evaluation.lpips import Lpips
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
        (weights.lpips, "alexnet-owt-7be5be79.pth and lpips_alex.pth"),
        (lambda: weights.lpips("vgg"), "vgg16-397923af.pth and lpips_vgg.pth"),
        (weights.inception, "fid_inception.onnx"),
        (weights.arcface, "arcface.onnx"),
    ],
)
def test_absent_weights_are_said_in_place_of_the_figure(folder, load, names):
    missing = load()
    assert isinstance(missing, weights.NotComputed)
    assert str(missing) == f"not computed: needs {names} in {folder} (see docs/metrics.md)"


def test_only_what_is_absent_is_named(folder):
    (folder / "lpips_alex.pth").touch()
    assert weights.lpips() == weights.NotComputed(f"alexnet-owt-7be5be79.pth in {folder} (see docs/metrics.md)")


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
