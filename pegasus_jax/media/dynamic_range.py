"""Pictures of high dynamic range or wide gamut as sRGB: phones film HLG in BT.2020 by default.

ITU-R BT.2100 says what HLG and PQ mean in light, BT.2408 that white paper is 203 cd/m² there, BT.2390 (section 5.4.1)
how what is brighter is rolled off. Numbers of transfer curves and primaries are those of H.273.
"""

import functools

import cv2
import numpy as np

_PQ, _HLG = 16, 18
_BT2020, _P3 = 9, 12
_WHITE, _PEAK = 203.0, 1000.0  # cd/m²: sRGB's white, and the brightest that is told apart
_LEVELS = 65536
_HLG_GAMMA = 1.2  # of a display of 1000 cd/m²

_TO_BT709 = {
    _BT2020: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    _P3: [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]],
}
_BT2020_LUMA = np.array([[0.2627, 0.6780, 0.0593]], np.float32)


def is_standard(transfer: int, primaries: int) -> bool:
    """Whether a picture that says so is shown as it is."""
    return transfer not in (_PQ, _HLG) and primaries not in _TO_BT709


def to_standard(image: np.ndarray, *, transfer: int, primaries: int) -> np.ndarray:
    """(H, W, 3) uint8 sRGB of (H, W, 3) uint16 RGB as it is coded."""
    light = np.take(_light(transfer), image)
    if transfer == _HLG:
        luma = np.maximum(cv2.transform(light, _BT2020_LUMA), 0.0)
        light *= cv2.pow(luma, _HLG_GAMMA - 1.0)[..., None]
    if transfer in (_PQ, _HLG):
        brightest = np.maximum(np.maximum(light[..., 0], light[..., 1]), light[..., 2])
        light *= np.take(_roll_off(), _level(brightest))[..., None]
    if primaries in _TO_BT709:
        light = cv2.transform(light, np.array(_TO_BT709[primaries], np.float32))
    return np.take(_coded(), _level(light))


def _level(light: np.ndarray) -> np.ndarray:
    """The row of a table for light in [0, 1]; beyond, the nearest."""
    return (np.clip(light, 0, 1) * np.float32(_LEVELS - 1) + np.float32(0.5)).astype(np.uint16)


@functools.cache
def _light(transfer: int) -> np.ndarray:
    """(65536,) light of each coded value: of the scene for HLG; shares of `_PEAK` for PQ, of white for other curves."""
    x = np.arange(_LEVELS) / (_LEVELS - 1)
    if transfer == _HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(x <= 0.5, x**2 / 3, (np.exp((x - c) / a) + b) / 12)
    elif transfer == _PQ:
        light = _from_pq(x) / _PEAK
    else:
        light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@functools.cache
def _roll_off() -> np.ndarray:
    """(65536,) by what to multiply shares of `_PEAK` so that they become shares of white, not above 1."""
    nits = np.arange(1, _LEVELS) / (_LEVELS - 1) * _PEAK
    scale = _to_pq(np.array(_PEAK))
    coded, most = _to_pq(nits) / scale, _to_pq(np.array(_WHITE)) / scale
    knee = 1.5 * most - 0.5
    t = np.maximum(coded - knee, 0) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    shown = _from_pq(np.where(coded < knee, coded, spline) * scale)
    gain = shown / _WHITE / (nits / _PEAK)
    return np.concatenate([gain[:1], gain]).astype(np.float32)


@functools.cache
def _coded() -> np.ndarray:
    """(65536,) uint8: sRGB of light."""
    x = np.arange(_LEVELS) / (_LEVELS - 1)
    return np.round(255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)).astype(np.uint8)


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _to_pq(nits: np.ndarray) -> np.ndarray:
    """PQ's code in [0, 1] of light in cd/m²."""
    y = (nits / 10_000.0) ** _M1
    return ((_C1 + _C2 * y) / (1 + _C3 * y)) ** _M2


def _from_pq(code: np.ndarray) -> np.ndarray:
    """Light in cd/m² of PQ's code."""
    x = code ** (1 / _M2)
    return 10_000.0 * (np.maximum(x - _C1, 0) / (_C2 - _C3 * x)) ** (1 / _M1)
