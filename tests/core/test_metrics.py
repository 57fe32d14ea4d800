import jax
import numpy as np
import pytest
from scipy import ndimage, signal

from pegasus_jax.core import metrics
from tests.evaluation.real_frames import two_frames


def _images(seed: int = 0, size: tuple[int, ...] = (24, 31, 3)) -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture and a noisy copy."""
    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.random(size), 2)
    image = (image - image.min()) / np.ptp(image)
    return image.astype(np.float32), np.clip(image + 0.1 * rng.standard_normal(size), 0, 1).astype(np.float32)


def _ssim_by_scipy(x: np.ndarray, y: np.ndarray) -> float:
    """Wang et al. 2004 with a full 2D window, in float64."""
    grid = np.arange(11) - 5.0
    window = np.exp(-(grid[:, None] ** 2 + grid[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(a):
        return signal.convolve2d(a, window, mode="valid")

    values = []
    for c in range(x.shape[2]):
        a, b = x[..., c].astype(np.float64), y[..., c].astype(np.float64)
        ma, mb = mean(a), mean(b)
        va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
        top = (2 * ma * mb + 1e-4) * (2 * cov + 9e-4)
        values.append((top / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))).mean())
    return float(np.mean(values))


def test_l1_mse_and_psnr_of_a_known_difference():
    target = np.full((8, 9, 3), 0.5, np.float32)
    image = target.copy()
    image[:4] += 0.2
    assert metrics.l1(image, target) == pytest.approx(0.1)
    assert metrics.mse(image, target) == pytest.approx(0.02)
    assert metrics.psnr(image, target) == pytest.approx(10 * np.log10(1 / 0.02), abs=1e-4)
    assert metrics.psnr(target, target) == np.inf


@pytest.mark.parametrize("seed", range(3))
def test_ssim_agrees_with_scipy(seed):
    image, target = _images(seed)
    # float32 differences of nearly equal squares: worst seen 4e-7
    assert metrics.ssim(image, target) == pytest.approx(_ssim_by_scipy(image, target), abs=1e-5)


def test_real_frames_agree_with_numpy_and_scipy(real_data):
    image, target = two_frames(real_data, size=(40, 50))
    difference = image.astype(np.float64) - target
    assert metrics.l1(image, target) == pytest.approx(np.abs(difference).mean(), rel=1e-5)
    assert metrics.psnr(image, target) == pytest.approx(-10 * np.log10(np.square(difference).mean()), abs=1e-3)
    assert metrics.ssim(image, target) == pytest.approx(_ssim_by_scipy(image, target), abs=1e-5)
    dark, wanted = (1 - picture.mean(axis=2) for picture in (image, target))
    assert metrics.boundary_error(dark, wanted) == pytest.approx(_boundary_error_by_scipy(dark, wanted), rel=1e-5)


def test_ssim_agrees_with_scikit_image():
    skimage = pytest.importorskip("skimage.metrics", reason="needs scikit-image (the extra 'metrics')")
    image, target = _images(4, (40, 40, 3))
    _, full = skimage.structural_similarity(
        image.astype(np.float64),
        target.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=2,
        full=True,
    )
    assert metrics.ssim(image, target) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-5)


def test_ssim_is_one_for_itself_symmetric_and_falls_with_noise():
    image, noisy = _images()
    assert metrics.ssim(image, image) == pytest.approx(1.0, abs=1e-6)
    assert metrics.ssim(image, noisy) == pytest.approx(float(metrics.ssim(noisy, image)), abs=1e-6)
    assert metrics.ssim(image, noisy) < 0.9
    flat = np.full_like(image, 0.5)
    assert metrics.ssim(flat, flat) == pytest.approx(1.0, abs=1e-6)


def test_masked_psnr_sees_only_the_mask():
    image, target = _images()
    mask = np.zeros(image.shape[:2], np.float32)
    mask[3:9, 5:20] = 0.7
    mask[12:, :] = 0.4  # below the cut
    expected = -10 * np.log10(np.square(image[3:9, 5:20].astype(np.float64) - target[3:9, 5:20]).mean())
    assert metrics.masked_psnr(image, target, mask) == pytest.approx(expected, abs=1e-3)
    elsewhere = np.where(mask[..., None] >= 0.5, image, 0)
    assert metrics.masked_psnr(elsewhere, target, mask) == metrics.masked_psnr(image, target, mask)
    assert np.isnan(metrics.masked_psnr(image, target, np.zeros_like(mask)))


def test_boxes_are_cut_as_slices_are_and_their_union_counts_once():
    image, target = _images()
    boxes = np.array([[2, 3, 12, 9], [8, 5, 20, 14], [28, -4, 99, 2]], np.float32)
    mask = np.zeros((24, 31), bool)
    mask[3:9, 2:12] = mask[5:14, 8:20] = mask[:2, 28:] = True
    np.testing.assert_array_equal(metrics.box_mask(boxes, image_size=(24, 31)), mask)
    expected = -10 * np.log10(np.square((image - target).astype(np.float64))[mask].mean())
    assert metrics.box_psnr(image, target, boxes) == pytest.approx(expected, abs=1e-3)


def test_iou_of_hand_drawn_masks():
    a, b = np.zeros((4, 6), np.float32), np.zeros((4, 6), np.float32)
    a[:2, :4], b[1:3, 2:] = 1, 0.5
    assert metrics.mask_iou(a, b) == pytest.approx(2 / (8 + 8 - 2))
    assert metrics.mask_iou(a, a) == 1
    assert metrics.mask_iou(a, 0 * a) == 0
    assert metrics.mask_iou(0 * a, 0 * a) == 1


@pytest.mark.parametrize("metric", [metrics.l1, metrics.mse, metrics.psnr, metrics.ssim])
def test_metrics_run_compiled(metric):
    image, target = _images()
    assert jax.jit(metric)(image, target) == pytest.approx(float(metric(image, target)), rel=1e-5)


def _discs(*, radii: tuple[float, float] = (6.0, 6.0), shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Two discs about the middle of a picture; the second moved to the right."""
    y, x = np.mgrid[:40, :50] + 0.5
    distances = np.hypot(x - 20, y - 20), np.hypot(x - 20 - shift, y - 20)
    return tuple((d < r).astype(np.float32) for d, r in zip(distances, radii))


def _boundary_error_by_scipy(matte: np.ndarray, target: np.ndarray) -> float:
    outlines = [m & ~ndimage.binary_erosion(m, border_value=1) for m in (matte >= 0.5, target >= 0.5)]
    directed = [ndimage.distance_transform_edt(~b)[a].mean() for a, b in (outlines, outlines[::-1])]
    return float(np.mean(directed))


@pytest.mark.parametrize("seed", range(3))
def test_boundary_error_agrees_with_scipy(seed):
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).random((2, 40, 50)), (0, 3, 3))
    a, b = (smooth - smooth.mean() + 0.5).astype(np.float32)
    assert jax.jit(metrics.boundary_error)(a, b) == pytest.approx(_boundary_error_by_scipy(a, b), rel=1e-5)


def test_boundary_error_of_a_bust_that_the_picture_cuts_off():
    """A rectangle that reaches the lower edge and its copy two pixels wider on each side: sides count, the edge not."""
    a, b = np.zeros((2, 40, 50), np.float32)
    a[10:, 12:28], b[10:, 10:30] = 1, 1
    assert metrics.boundary_error(a, b) == pytest.approx(_boundary_error_by_scipy(a, b), rel=1e-6)
    assert 1.0 < metrics.boundary_error(a, b) < 2.0  # the tops agree
    assert metrics.boundary_error(a, a) == 0


def test_boundary_error_of_discs_is_the_difference_of_their_radii():
    assert metrics.boundary_error(*_discs(radii=(6.0, 9.0))) == pytest.approx(3.0, abs=0.3)
    small, large = (metrics.boundary_error(*_discs(shift=shift)) for shift in (1.0, 4.0))
    assert 0.3 < small < 1.0 < large < 4.0


def test_a_matte_without_an_outline_has_no_boundary_error():
    disc, _ = _discs()
    for other in (np.zeros_like(disc), np.ones_like(disc)):
        assert np.isnan(metrics.boundary_error(disc, other))
        assert np.isnan(metrics.boundary_error(other, other))


def test_landmark_error_is_in_units_of_each_face():
    rng = np.random.default_rng(0)
    target = rng.uniform(0, 200, (3, 10, 2)).astype(np.float32)
    landmarks = target + np.array([3.0, 4.0], np.float32)
    assert metrics.landmark_error(landmarks, target, unit=1.0) == pytest.approx(5.0, rel=1e-5)
    units = np.array([10.0, 20.0, 40.0])
    assert metrics.landmark_error(landmarks, target, unit=units) == pytest.approx((0.5 + 0.25 + 0.125) / 3, rel=1e-5)


def test_masked_l2_is_the_root_mean_square_inside():
    image, target = _images()
    mask = np.zeros(image.shape[:2], np.float32)
    mask[3:9, 5:20] = 1.0
    expected = np.sqrt(np.square(image[3:9, 5:20].astype(np.float64) - target[3:9, 5:20]).mean())
    assert metrics.masked_l2(image, target, mask) == pytest.approx(expected, rel=1e-5)
    assert np.isnan(metrics.masked_l2(image, target, 0 * mask))


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda a: metrics.l1(a, a[:5]), r"one shape; got \(24, 31, 3\) and \(5, 31, 3\)"),
        (lambda a: metrics.psnr(a[0, 0], a[0, 0]), r"must be \(H, W\) or \(H, W, C\); got \(3,\)"),
        (lambda a: metrics.mse((255 * a).astype(np.uint8), a), "got uint8: divide by 255 first"),
        (lambda a: metrics.ssim(a[:8], a[:8]), "ssim needs at least 11×11 pixels"),
        (lambda a: metrics.masked_psnr(a, a, a), r"mask must have shape \(24, 31\); got \(24, 31, 3\)"),
        (lambda a: metrics.box_psnr(a, a, [1, 2, 3, 4]), r"boxes must have shape \(B, 4\)"),
        (lambda a: metrics.masked_l2(a, a, np.zeros((24, 31), np.uint8)), "floats in .* or booleans; got uint8"),
        (lambda a: metrics.masked_l2(a, a, a[:3, :, 0]), r"mask must have shape \(24, 31\); got \(3, 31\)"),
        (lambda a: metrics.landmark_error(a, a[0], unit=1.0), r"got \(24, 31, 3\), \(31, 3\)"),
        (
            lambda a: metrics.landmark_error(a, a, unit=[1.0, 2.0]),
            r"must be one number or have shape \(24,\); got \(2,\)",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call(_images()[0])


def _steepness(picture: np.ndarray, counted: np.ndarray) -> float:
    grey = picture.astype(np.float64).mean(axis=-1)
    return float(np.hypot(np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1])[counted].mean())


def test_sharpness_is_the_ratio_of_mean_gradients_inside():
    target, image = _images()
    mask = np.zeros(image.shape[:2], np.float32)
    mask[3:15, 5:20] = 1.0
    counted = np.zeros((23, 30), bool)
    counted[3:14, 5:19] = True  # with the pixels on the right and below
    expected = _steepness(image, counted) / _steepness(target, counted)
    assert metrics.sharpness(image, target, mask) == pytest.approx(expected, rel=1e-4)
    outside = np.where(mask[..., None] > 0, image, 0.0)
    assert metrics.sharpness(outside, target, mask) == metrics.sharpness(image, target, mask)


def test_blur_is_softer_noise_rougher_and_half_the_contrast_half_as_sharp(real_data):
    target = two_frames(real_data, size=(96, 96))[0]
    everything = np.ones(target.shape[:2], np.float32)
    blurred = [ndimage.gaussian_filter(target, (sigma, sigma, 0)) for sigma in (0.5, 1, 2)]
    softness = [float(metrics.sharpness(image, target, everything)) for image in blurred]
    assert 1 > softness[0] > softness[1] > softness[2] > 0.2
    noisy = target + np.random.default_rng(0).normal(0, 0.05, target.shape).astype(np.float32)
    assert metrics.sharpness(noisy, target, everything) > 1.2
    assert metrics.sharpness(0.5 * target, target, everything) == pytest.approx(0.5, rel=1e-5)
    assert metrics.sharpness(target, target, everything) == 1.0


def test_where_nothing_can_be_sharp_there_is_no_figure():
    target, image = _images()
    assert np.isnan(metrics.sharpness(image, np.full_like(target, 0.5), np.ones(image.shape[:2])))
    line = np.zeros(image.shape[:2])
    line[4] = 1.0
    assert np.isnan(metrics.sharpness(image, target, line))
