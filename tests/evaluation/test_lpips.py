"""LPIPS against its formula in float64, its own properties, and the authors' package where that is installed."""

import jax
import numpy as np
import pytest

from pegasus_jax.core.trunks import Block, Convolution
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.lpips import Lpips
from tests.core import plain_trunk
from tests.evaluation.real_frames import two_frames

WIDTHS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
SIDE = 32

distance, masked_distance = jax.jit(Lpips.__call__), jax.jit(Lpips.masked)


def random_heads(net: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        f"lin{layer}.model.1.weight": rng.random((1, width, 1, 1)).astype(np.float16)
        for layer, width in enumerate(WIDTHS[net])
    }


@pytest.fixture(scope="module", params=["alex", "vgg"])
def network(request, tmp_path_factory):
    """The net's name, the tensors of its trunk and heads, and ours made of their files."""
    net, folder = request.param, tmp_path_factory.mktemp("weights")
    trunk, heads = plain_trunk.random_weights(plain_trunk.SEQUENCES[net]), random_heads(net)
    files = [
        plain_trunk.write_safetensors(folder / f"{n}.safetensors", t) for n, t in (("trunk", trunk), ("heads", heads))
    ]
    return net, trunk, heads, Lpips.load(*files, net=net)


def pictures(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.random.default_rng(seed).random((2, SIDE, SIDE, 3), np.float32))


def expected_maps(net, trunk, heads, image, target) -> list[np.ndarray]:
    """Zhang et al. 2018, equation 1, before the mean over positions."""
    layers = []
    for picture in (image, target):
        normalised = (2.0 * picture.astype(np.float64) - 1 - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]
        layers.append(plain_trunk.features(plain_trunk.SEQUENCES[net], plain_trunk.TAPS[net], trunk, normalised))
    maps = []
    for layer, (x, y) in enumerate(zip(*layers)):
        x, y = (f / (np.sqrt((f**2).sum(axis=-1, keepdims=True)) + 1e-10) for f in (x, y))
        maps.append(((x - y) ** 2 * heads[f"lin{layer}.model.1.weight"].reshape(-1)).sum(axis=-1))
    return maps


def expected_shares(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The mask's share of each position of a layer: a triangular window of two positions' width and height."""

    def window(size: int, positions: int) -> np.ndarray:
        step = size / positions
        centres, pixels = (np.arange(positions) + 0.5) * step, np.arange(size) + 0.5
        weights = np.maximum(1 - np.abs(centres[:, None] - pixels) / step, 0)
        return weights / weights.sum(axis=1, keepdims=True)

    return window(mask.shape[0], shape[0]) @ mask @ window(mask.shape[1], shape[1]).T


def test_it_is_the_published_formula(network):
    *tensors, lpips = network
    image, target = pictures()
    expected = sum(layer.mean() for layer in expected_maps(*tensors, image, target))
    assert float(distance(lpips, image, target)) == pytest.approx(expected, rel=1e-5)


def test_real_frames_are_as_far_apart_as_the_formula_says(network, real_data):
    *tensors, lpips = network
    image, target = two_frames(real_data, size=(SIDE, SIDE))
    expected = sum(layer.mean() for layer in expected_maps(*tensors, image, target))
    assert float(distance(lpips, image, target)) == pytest.approx(expected, rel=1e-4)


def test_a_picture_is_at_no_distance_from_itself_and_order_does_not_matter(network):
    lpips = network[-1]
    image, target = pictures()
    assert float(distance(lpips, image, image)) == 0.0
    assert float(distance(lpips, image, target)) == pytest.approx(float(distance(lpips, target, image)), rel=1e-6)
    between = 0.9 * image + 0.1 * target
    assert 0.0 < float(distance(lpips, image, between)) < float(distance(lpips, image, target))


def test_it_maps_over_batches():
    rng = np.random.default_rng(0)
    kernel, head = rng.standard_normal((3, 3, 3, 4), np.float32), rng.random(4, np.float32)
    lpips = Lpips((Block((Convolution(kernel, np.zeros(4, np.float32)),)),), (head,))
    images, targets = (np.stack(pair) for pair in zip(pictures(0), pictures(1)))
    found = jax.jit(jax.vmap(Lpips.__call__, in_axes=(None, 0, 0)))(lpips, images, targets)
    np.testing.assert_allclose(found, [float(distance(lpips, a, b)) for a, b in zip(images, targets)], rtol=1e-5)


def test_the_mask_weighs_positions_and_hides_what_is_outside(network):
    *tensors, lpips = network
    image, target = pictures()
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[8:20, 4:28] = 1.0
    inside = mask[..., None] > 0
    found = float(masked_distance(lpips, image, target, mask))
    maps = expected_maps(*tensors, *(np.where(inside, picture, 1.0) for picture in (image, target)))
    shares = [expected_shares(mask, layer.shape) for layer in maps]
    expected = sum((share * layer).sum() / share.sum() for share, layer in zip(shares, maps))
    assert found == pytest.approx(expected, rel=1e-4)
    other = np.where(inside, image, 0.0), np.where(inside, target, 0.7)
    assert float(masked_distance(lpips, *other, mask)) == found
    assert float(masked_distance(lpips, image, np.where(inside, image, target), mask)) == 0.0
    everything = masked_distance(lpips, image, target, np.ones_like(mask))
    assert float(everything) == pytest.approx(float(distance(lpips, image, target)), rel=1e-5)
    assert np.isnan(masked_distance(lpips, image, target, 0 * mask))


@pytest.mark.filterwarnings("ignore:The parameter:UserWarning", "ignore:Arguments other than:UserWarning")
def test_the_authors_package_agrees(network):
    package = pytest.importorskip("lpips", reason="needs the packages lpips and torch")
    import torch

    net, trunk, heads, lpips = network
    theirs = package.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False).eval()
    state = theirs.state_dict()
    for name in state:
        number, kind = name.split(".")[-2:]
        source = heads.get(name) if name.startswith("lin") else trunk.get(f"{number}.{kind}")
        if source is not None:
            state[name] = torch.from_numpy(source.astype(np.float32))
    theirs.load_state_dict(state)
    image, target = pictures()
    with torch.no_grad():
        expected = theirs(*(torch.from_numpy(p.transpose(2, 0, 1)[None]) for p in (image, target)), normalize=True)
    assert float(distance(lpips, image, target)) == pytest.approx(float(expected), rel=1e-4)


def test_weights_of_another_network_are_refused(tmp_path):
    trunk = plain_trunk.random_weights(plain_trunk.SEQUENCES["alex"])
    path = plain_trunk.write_safetensors(tmp_path / "trunk.safetensors", trunk)
    heads = plain_trunk.write_safetensors(tmp_path / "vgg.safetensors", random_heads("vgg"))
    with pytest.raises(
        UserError, match=r"lin1\.model\.1\.weight is of shape \(1, 128, 1, 1\) instead of \(1, 192, 1, 1\)"
    ):
        Lpips.load(path, heads, net="alex")
    with pytest.raises(UserError, match=r"lin0\.model\.1\.weight is missing .* take alex\.pth for AlexNet or vgg\.pth"):
        Lpips.load(path, path, net="alex")


@pytest.mark.parametrize(
    "image, target, text",
    [
        (np.zeros((31, 64, 3)), np.zeros((31, 64, 3)), r"at least 32 pixels a side; got \(31, 64, 3\)"),
        (np.zeros((64, 64)), np.zeros((64, 64)), r"pictures \(H, W, 3\) .* got \(64, 64\)"),
        (np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3)), "got uint8: divide by 255 first"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(image, target, text):
    with pytest.raises(ValueError, match=text):
        Lpips((), ())(image, target)


def test_a_mask_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"mask must have shape \(64, 64\); got \(64, 32\)"):
        Lpips((), ()).masked(np.zeros((64, 64, 3)), np.zeros((64, 64, 3)), np.zeros((64, 32)))
