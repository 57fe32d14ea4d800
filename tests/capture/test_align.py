import numpy as np
import pytest

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.align import align
from pegasus_jax.capture.landmark_term import project_clip
from pegasus_jax.capture.posing import vertex_points
from pegasus_jax.capture.surface import surface
from pegasus_jax.capture.track import Track

from .synthetic import detections_of, draw, make_track

_SIDE = 192


@pytest.fixture(scope="module")
def aligned(head):
    """Pictures of a known track, and an alignment that starts from a track shaken by about a pixel."""
    full = make_track(24, focal=2.5)
    truth = Track(full.frames[::4], full.shared)
    rng = np.random.default_rng(1)
    shaken = truth.frames.copy()
    shaken[:, columns.NECK] += 0.008 * rng.normal(size=(6, 3))
    shaken[:, columns.PLACEMENT][:, :2] += 0.006 * rng.normal(size=(6, 2))
    start = Track(shaken, truth.shared)
    detections = detections_of(head, start, side=_SIDE)  # the landmarks are wrong in the same way
    images = draw(head, truth, side=_SIDE)
    mattes = np.where(np.any(images < 255, axis=-1), 255, 0).astype(np.uint8)
    alignment = align(head, detections, np.arange(6) / 5, images, mattes, start, side=_SIDE)
    return truth, start, alignment


def _error(head, track, truth):
    """Mean distance of the skin from where it is in the picture, pixels, less its mean over the clip.

    A shift that all frames share is no misalignment: the texture moves along.
    """
    model = vertex_points(head, surface(head).vertex_ids)
    difference = (project_clip(model, track) - project_clip(model, truth)) * _SIDE
    return float(np.linalg.norm(difference - difference.mean(axis=0), axis=-1).mean())


def test_colour_brings_shaken_frames_together(head, aligned):
    truth, start, alignment = aligned
    assert _error(head, start, truth) > 0.4
    assert _error(head, alignment.track, truth) < 0.6 * _error(head, start, truth)
    assert alignment.residual_after < 0.9 * alignment.residual_before


def test_shape_and_focal_length_stay(aligned):
    _, start, alignment = aligned
    np.testing.assert_array_equal(alignment.track.shared, start.shared)


def test_exposure_changes_are_not_motion(head):
    truth = Track(make_track(12, focal=2.5).frames[:4], make_track(12, focal=2.5).shared)
    images = draw(head, truth, side=_SIDE)
    images = np.clip(images * np.linspace(0.8, 1.0, 4)[:, None, None, None], 0, 255).astype(np.uint8)
    points = surface(head)
    pictures = (images / 255).astype(np.float16)
    appearance = points.appearance(truth, pictures)
    assert points.residual(truth, pictures, appearance) < 3.0
    np.testing.assert_allclose(np.diff(appearance.gains[:, 0].mean(axis=-1)) > 0, True)


def test_the_outline_of_the_hair_counts_where_it_is_on_the_rim(head):
    """Over the clip a rim point's colour is that of the outline: between the head's and the white behind it."""
    truth = make_track(12, focal=2.5)
    images = draw(head, truth, side=_SIDE)
    mattes = np.any(images < 255, axis=-1).astype(np.float32)
    points = surface(head, track=truth, mattes=mattes)
    appearance = points.appearance(truth, (images / 255).astype(np.float16))
    used = points.on_rim & (appearance.visible.max(axis=0) > 0)
    assert 50 < used.sum() < points.on_rim.sum()
    skin = ~points.on_rim & (appearance.visible.max(axis=0) > 0)
    assert appearance.colours[skin].mean() + 0.05 < appearance.colours[used].mean() < 0.97
