"""What detail a picture has, scale by scale: the power of a person's picture at each spatial frequency."""

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np

from pegasus_jax.media.plots import Axis, line_plot

_TAPER = 0.06  # of the picture's side: over so much the person fades out at the outline, which has all frequencies


class Spectrum(NamedTuple):
    """Mean power over directions and pictures."""

    frequencies: np.ndarray  # (K,) cycles per picture, from 1 to half the pixels of a side
    power: np.ndarray  # (K,) of grey values in [0, 1]


def radial_spectrum(images: np.ndarray, mattes: np.ndarray) -> Spectrum:
    """The spectrum of the inside of people.

    A picture's grey values, less their mean, fade out towards the outline of the matte, so that neither the outline
    nor the picture's edge counts; then the squared magnitudes of its Fourier coefficients are averaged over rings of
    width 1. Render and picture compare if both are seen through the same mattes.

    Args:
        images: (N, S, S, 3) in [0, 1].
        mattes: (N, S, S) in [0, 1].
    """
    count, side, width = images.shape[:3]
    if side != width or mattes.shape != images.shape[:3]:
        raise ValueError(f"needs square pictures and mattes of their size; got {images.shape}, {mattes.shape}.")
    frequency = np.fft.fftfreq(side) * side
    ring = np.round(np.hypot(frequency[:, None], frequency[None])).astype(int)
    power = np.zeros((side, side))
    for image, matte in zip(images, mattes):
        weight = _faded(matte)
        grey = image.astype(np.float64).mean(axis=-1)
        centred = grey - (weight * grey).sum() / max(weight.sum(), 1e-9)
        power += np.abs(np.fft.fft2(weight * centred)) ** 2 / side**4
    rings = np.arange(1, side // 2 + 1)
    total, pixels = (np.bincount(ring.ravel(), weights)[rings] for weights in ((power / count).ravel(), None))
    return Spectrum(rings.astype(np.float64), total / pixels)


def spectra_plot(spectra: Mapping[str, Spectrum]) -> np.ndarray:
    """Spectra by name, as a picture (H, W, 3) uint8 with logarithmic axes; six decades of power."""
    loudest = max(float(spectrum.power.max()) for spectrum in spectra.values())
    end = 10.0 ** np.ceil(np.log10(max(loudest, 1e-20)))
    return line_plot(
        {name: (spectrum.frequencies, spectrum.power) for name, spectrum in spectra.items()},
        across=Axis("cycles per picture", 1.0, max(float(s.frequencies[-1]) for s in spectra.values())),
        up=Axis("power", end * 1e-7, end),
        title="of the person's inside, mean over held-out frames",
    )


def _faded(matte: np.ndarray) -> np.ndarray:
    """(S, S) float64 in [0, 1]: 0 outside the person and beyond the picture, 1 well inside."""
    inside = np.pad((matte >= 0.5).astype(np.uint8), 1)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1].astype(np.float64)
    return np.sin(0.5 * np.pi * np.clip(distance / (_TAPER * matte.shape[0]), 0, 1)) ** 2
