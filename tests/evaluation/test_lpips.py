"""LPIPS against its formula in float64, its own properties, and the authors' package where that is installed."""

import jax
import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.lpips import Lpips
from tests.evaluation import plain_trunk

WIDTHS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
SIDE = 48


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
    return net, trunk, heads, Lpips.load(*files, net)


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


def test_it_is_the_published_formula(network):
    *tensors, lpips = network
    image, target = pictures()
    expected = sum(layer.mean() for layer in expected_maps(*tensors, image, target))
    assert float(lpips(image, target)) == pytest.approx(expected, rel=1e-5)


def test_a_picture_is_at_no_distance_from_itself_and_order_does_not_matter(network):
    lpips = network[-1]
    image, target = pictures()
    assert float(lpips(image, image)) == 0.0
    assert float(lpips(image, target)) == pytest.approx(float(lpips(target, image)), rel=1e-6)
    assert 0.0 < float(lpips(image, 0.9 * image + 0.1 * target)) < float(lpips(image, target))


def test_it_maps_over_batches_as_an_argument_of_compiled_functions(network):
    lpips = network[-1]
    images, targets = (np.stack(pair) for pair in zip(pictures(0), pictures(1)))
    compiled = jax.jit(lambda distance, *arrays: jax.vmap(distance)(*arrays))
    found = compiled(lpips, images, targets)
    np.testing.assert_allclose(found, [float(lpips(a, b)) for a, b in zip(images, targets)], rtol=1e-5)


def test_only_the_mask_counts_and_all_of_it_as_much_as_without_one(network):
    *tensors, lpips = network
    image, target = pictures()
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[16:32, 8:40] = 1.0
    found = float(lpips.masked(image, target, mask))
    inside = mask[..., None] > 0
    assert float(lpips.masked(np.where(inside, image, 0.0), np.where(inside, target, 0.7), mask)) == found
    assert float(lpips.masked(image, np.where(inside, image, target), mask)) == 0.0
    whole = np.ones_like(mask)
    assert float(lpips.masked(image, target, whole)) == pytest.approx(float(lpips(image, target)), rel=1e-5)
    assert np.isnan(lpips.masked(image, target, 0 * mask))
    # Over white, the mean over all positions thins the part out to its share of the picture, or to what is seen of it.
    white = [np.where(inside, picture, 1.0).astype(np.float32) for picture in (image, target)]
    assert float(lpips(*white)) < 0.8 * found
    maps = expected_maps(*tensors, *white)
    assert min(layer.mean() for layer in maps) < found / len(maps) < sum(layer.max() for layer in maps)


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
    assert float(lpips(image, target)) == pytest.approx(float(expected), rel=1e-4)


def test_weights_of_another_network_are_refused(tmp_path):
    trunk = plain_trunk.random_weights(plain_trunk.SEQUENCES["alex"])
    path = plain_trunk.write_safetensors(tmp_path / "trunk.safetensors", trunk)
    heads = plain_trunk.write_safetensors(tmp_path / "vgg.safetensors", random_heads("vgg"))
    with pytest.raises(
        UserError, match=r"lin1\.model\.1\.weight is of shape \(1, 128, 1, 1\) instead of \(1, 192, 1, 1\)"
    ):
        Lpips.load(path, heads, "alex")
    with pytest.raises(UserError, match=r"lin0\.model\.1\.weight is missing .* take alex\.pth for AlexNet or vgg\.pth"):
        Lpips.load(path, path, "alex")


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
