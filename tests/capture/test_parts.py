import numpy as np
import pytest

from pegasus_jax.capture import parts
from pegasus_jax.capture.parts import PART_NAMES, part_masks

_SIZE = 256
_LIP_CENTRE = np.array([128.0, 190.0])


def _ring(count, centre, radii):
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.array(centre) + np.array(radii) * np.stack([-np.cos(angle), np.sin(angle)], axis=1)


@pytest.fixture
def landmarks():
    """A face of ellipses with an open mouth; the eyes' outer corners are 100 pixels apart."""
    points = np.zeros((478, 2), np.float32)
    points[[*parts.RIGHT_EYE]] = _ring(16, (93, 100), (15, 6))
    points[[*parts.LEFT_EYE]] = _ring(16, (163, 100), (15, 6)) * [-1, 1] + [326, 0]
    points[[*parts.RIGHT_EYEBROW]] = _ring(10, (93, 80), (18, 4))
    points[[*parts.LEFT_EYEBROW]] = _ring(10, (163, 80), (18, 4))
    points[[*parts._NOSE]] = _ring(len(parts._NOSE), (128, 135), (18, 30))
    points[[*parts.OUTER_LIPS]] = _ring(20, _LIP_CENTRE, (30, 22))
    points[[*parts.INNER_LIPS]] = _ring(20, _LIP_CENTRE, (22, 14))
    return points


@pytest.fixture
def masks(landmarks):
    return part_masks(landmarks, np.zeros((_SIZE, _SIZE), np.float32))


def _at(mask, point):
    x, y = np.floor(point).astype(int)
    return int(mask[y, x])


def test_every_part_has_a_mask_of_the_pictures_size(masks):
    assert tuple(sorted(masks)) == PART_NAMES
    assert all(mask.shape == (_SIZE, _SIZE) and mask.dtype == np.uint8 for mask in masks.values())


@pytest.mark.parametrize(
    ("name", "inside"),
    [("eyes", (93, 100)), ("eyes", (163, 100)), ("eyebrows", (93, 80)), ("nose", (128, 135)), ("mouth", (128, 190))],
)
def test_parts_lie_where_their_landmarks_are(masks, name, inside):
    assert _at(masks[name], inside) == 255
    assert _at(masks[name], (20, 20)) == 0


def test_an_open_mouth_is_mouth_but_not_lips(masks):
    assert _at(masks["mouth"], _LIP_CENTRE) == 255 and _at(masks["lips"], _LIP_CENTRE) == 0
    assert _at(masks["lips"], _LIP_CENTRE + np.array([0, 18])) == 255


def test_polygons_keep_their_area_and_place(masks):
    weights = masks["lips"] / 255
    # 20-sided polygons; OpenCV's antialiased outline adds about half a pixel around each.
    ring = 10 * np.sin(np.pi / 10) * (30 * 22 - 22 * 14)
    assert 0.9 * ring < weights.sum() < 1.15 * ring
    rows, columns = np.mgrid[:_SIZE, :_SIZE] + 0.5
    centre = [np.average(axis, weights=weights) for axis in (columns, rows)]
    np.testing.assert_allclose(centre, _LIP_CENTRE, atol=0.3)


def test_hair_is_its_matte(landmarks):
    hair = np.linspace(0, 1, _SIZE * _SIZE, dtype=np.float32).reshape(_SIZE, _SIZE)
    np.testing.assert_allclose(part_masks(landmarks, hair)["hair"] / 255, hair, atol=0.51 / 255)
