"""One person's model end to end, small: it starts recognisable, learns, and keeps still what no frame shows."""

import dataclasses
import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core import metrics
from pegasus_jax.core.model import initial_state
from pegasus_jax.data.frames import take
from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.drawing import draw_frame
from pegasus_jax.families.gaussians.model import GaussiansModel, Statistics
from pegasus_jax.families.gaussians.settings import GaussianSettings
from pegasus_jax.flame import builtin_head
from pegasus_jax.training.parallel import DataParallel
from pegasus_jax.training.step import Step

from . import small

SIDE, FRAMES = 32, 4
STEPS = 16
SETTINGS = GaussianSettings(on_surface=800, on_shell=100, num_bases=2, hidden=8, bases_after=0.3)


@pytest.fixture(scope="module")
def clip():
    """A person with a striped face, filmed: frames of random Gaussians on the built-in head."""
    rig, _ = small.rigged(1500)
    params = small.random_params(rig, num_bases=0)
    stripes = 0.5 + 0.4 * jnp.sin(40.0 * rig.rest[1])
    colour = jnp.stack([stripes, 0.5 * stripes, 1.0 - stripes])
    params = dataclasses.replace(params, colour=colour, opacity_logit=jnp.full(1500, 3.0))
    draw = jax.jit(draw_frame, static_argnames="training_side")
    expression, pose = small.motions(FRAMES)
    out = [draw(params, rig, e, p, small.camera(SIDE), training_side=SIDE) for e, p in zip(expression, pose)]
    alpha = np.stack([np.asarray(frame.alpha) for frame in out])[..., None]
    images = np.stack([np.asarray(frame.image) for frame in out]) / np.maximum(alpha, 1e-3)
    as_bytes = lambda array: np.round(np.clip(array, 0, 1) * 255).astype(np.uint8)  # noqa: E731
    return small.batch(as_bytes(images), as_bytes(alpha[..., 0]), FRAMES)


@pytest.fixture(scope="module")
def start(clip):
    """A run's model and its state before the first frame."""
    videos = types.SimpleNamespace(sample=lambda look, count: clip, own=[clip])
    run = types.SimpleNamespace(
        settings=SETTINGS,
        seed=0,
        total_frames=STEPS * FRAMES,
        image_size=SIDE,
        head=builtin_head(),
        betas=np.zeros(100, np.float32),
        videos=videos,
        perceptual=None,
    )
    model = GaussiansModel(run)
    return model, initial_state(model, overlaps_per_point=32)


def _picture(model, state, clip):
    forward = jax.jit(functools.partial(model.forward, overlaps_per_point=32))
    return forward(state.params, state.primitives, clip, model.constants, key=jax.random.key(1))[0]


def _psnr(model, state, clip):
    pairs = zip(_picture(model, state, clip).image, clip.over_white())
    return float(np.mean([metrics.psnr(a, b) for a, b in pairs]))


def test_it_starts_nearer_to_the_clip_than_the_mean_picture_is(start, clip):
    target = np.asarray(clip.over_white())
    mean = np.mean([metrics.psnr(target.mean(axis=0), picture) for picture in target])
    assert _psnr(*start, clip) > mean


def test_the_mouth_starts_dark_whatever_is_before_it(start):
    model, state = start
    mouth = np.asarray(model.constants.rig.part) == parts.MOUTH
    assert mouth.any() and np.asarray(state.params.colour)[:, mouth].max() < 0.2


def test_steps_bring_it_nearer_and_what_is_hidden_stays(start, clip):
    model, state = start
    step = DataParallel().wrap(Step(model, seed=0, random_background=True, overlaps_per_point=32))
    parallel = DataParallel()
    moved = parallel.replicate(state)
    constants = parallel.replicate(model.constants)
    rows = np.arange(FRAMES // parallel.size * parallel.size)
    for number in range(STEPS):
        moved, figures = step(moved, parallel.split(take(clip, rows)), constants)
        assert np.asarray(figures["finite"]).all()
        if number == 3:
            resting = parallel.unreplicate(moved).params
            assert not np.asarray(resting.bases.colour).any()
            assert np.array_equal(resting.mixer.kernel_in, state.params.mixer.kernel_in)
    moved = parallel.unreplicate(moved)
    assert _psnr(model, moved, clip) > _psnr(model, state, clip) + 1.0
    assert np.asarray(moved.params.bases.colour).any()
    last = np.asarray(_picture(model, moved, clip).max_weight).max(axis=0)
    assert 0.2 < np.asarray(moved.primitives.seen).mean() < 1.0
    never = ~np.asarray(moved.primitives.seen) & (last == 0.0)
    assert never.any()
    for leaf in (moved.params.offset, moved.params.colour, moved.params.bases.colour):
        assert np.isfinite(leaf).all()


def test_every_leaf_has_a_rate(start):
    model, state = start
    assert set(jax.tree.leaves(model.labels(state.params))) == set(model.rates(jnp.int32(0)))


def test_hidden_gaussians_keep_parameters_and_moments(start):
    model, state = start
    shown = np.arange(model.constants.rig.num_gaussians) % 3 > 0
    later = jax.tree.map(lambda leaf: leaf + 1.0, state.params)
    held = model.hold(later, state.params, Statistics(jnp.asarray(shown), jnp.asarray(shown)))
    for leaf, new, old in zip(
        *(jax.tree.leaves(dataclasses.replace(p, mixer=())) for p in (held, later, state.params))
    ):
        assert np.array_equal(leaf[..., shown], new[..., shown])
        assert np.array_equal(leaf[..., ~shown], old[..., ~shown])
    assert np.array_equal(held.mixer.kernel_in, later.mixer.kernel_in)


def test_losses_vanish_where_the_picture_is_the_frame(start, clip):
    model, state = start
    perfect = dataclasses.replace(_picture(model, state, clip), image=clip.over_white(), alpha=clip.alpha())
    terms = model.losses(
        state.params,
        state.primitives,
        clip,
        model.constants,
        perfect,
        None,
        background=jnp.full((FRAMES, 3), 0.3),
        key=jax.random.key(0),
        frames_seen=jnp.int32(0),
    )
    assert set(terms) <= set(model.weights(jnp.int32(0)))
    for name in ("rgb", "structural", "matte"):
        assert abs(float(terms[name])) < 1e-5, name
