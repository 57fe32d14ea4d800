"""Spectra of pictures whose frequencies are known."""

import numpy as np
import pytest

from pegasus_jax.evaluation.spectra import radial_spectrum, spectra_plot

SIDE = 64
EVERYWHERE = np.ones((1, SIDE, SIDE), np.float32)


def waves(cycles: int) -> np.ndarray:
    phase = 2 * np.pi * cycles * np.arange(SIDE) / SIDE
    return np.broadcast_to(0.5 + 0.25 * np.sin(phase)[None, None, :, None], (1, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("cycles", [5, 12, 25])
def test_the_power_is_at_the_frequency_of_the_waves(cycles):
    found = radial_spectrum(waves(cycles), EVERYWHERE)
    np.testing.assert_array_equal(found.frequencies, np.arange(1, SIDE // 2 + 1))
    assert found.frequencies[found.power.argmax()] == cycles
    pixels = 2 * np.pi * found.frequencies
    around = abs(found.frequencies - cycles) <= 2
    assert (found.power * pixels)[around].sum() > 0.97 * (found.power * pixels).sum()


def test_noise_has_the_same_power_everywhere():
    rng = np.random.default_rng(0)
    noise = np.repeat(rng.normal(0.5, 0.1, (40, SIDE, SIDE, 1)), 3, axis=-1)
    found = radial_spectrum(noise, np.repeat(EVERYWHERE, 40, axis=0))
    assert found.power[4:-1].max() < 1.4 * found.power[4:-1].min()
    inside = found.power[4:-1].mean() * SIDE**2  # the variance, less what fades out at the edge
    assert 0.5 * 0.1**2 < inside < 0.1**2


def test_outlines_and_what_is_outside_do_not_count():
    y, x = np.mgrid[:SIDE, :SIDE]
    matte = (np.hypot(x - 30, y - 34) < 20)[None].astype(np.float32)
    flat = np.where(matte[..., None] > 0, 0.3, 1.0) * np.ones(3)
    assert radial_spectrum(flat, matte).power.max() < 1e-20
    noisy = np.where(matte[..., None] > 0, waves(9), np.random.default_rng(0).random((1, SIDE, SIDE, 3)))
    np.testing.assert_allclose(radial_spectrum(noisy, matte).power, radial_spectrum(waves(9), matte).power, atol=1e-12)


def test_a_plot_shows_every_line_in_its_own_colour():
    spectra = {name: radial_spectrum(waves(cycles), EVERYWHERE) for name, cycles in (("truth", 5), ("render", 12))}
    plot = spectra_plot(spectra)
    assert plot.dtype == np.uint8 and plot.shape[2] == 3
    for colour in ((0, 0, 0), (0, 114, 178)):
        assert (plot == colour).all(axis=-1).sum() > 100


def test_pictures_and_mattes_must_belong_together():
    with pytest.raises(ValueError, match="square pictures and mattes of their size"):
        radial_spectrum(waves(5), EVERYWHERE[:, :-1])
