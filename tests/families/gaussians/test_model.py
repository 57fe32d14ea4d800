"""One person's model end to end, small: it starts recognisable, learns, and keeps still what no frame shows."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pegasus_jax.core import metrics
from pegasus_jax.families.gaussians import parts, rates
from pegasus_jax.families.gaussians.drawing import draw_frame
from pegasus_jax.families.gaussians.model import GaussianModel, Settings
from pegasus_jax.flame import builtin_head

from . import small

SIDE, FRAMES = 48, 6
SETTINGS = Settings(on_surface=1200, on_shell=200, num_bases=2, hidden=8, training_side=SIDE)


@pytest.fixture(scope="module")
def clip():
    """A person with a striped face, filmed: frames of random Gaussians on the built-in head."""
    rig, _ = small.rigged(4000)
    params = small.random_params(rig, num_bases=0)
    stripes = 0.5 + 0.4 * jnp.sin(40.0 * rig.rest[1])
    colour = jnp.stack([stripes, 0.5 * stripes, 1.0 - stripes])
    params = dataclasses.replace(params, colour=colour, opacity_logit=jnp.full(4000, 3.0))
    draw = jax.jit(draw_frame, static_argnames="training_side")
    expression, pose = small.motions(FRAMES)
    out = [draw(params, rig, e, p, small.camera(SIDE), training_side=SIDE) for e, p in zip(expression, pose)]
    alpha = np.stack([np.asarray(frame.alpha) for frame in out])[..., None]
    images = np.stack([np.asarray(frame.image) for frame in out]) / np.maximum(alpha, 1e-3)
    as_bytes = lambda array: np.round(np.clip(array, 0, 1) * 255).astype(np.uint8)  # noqa: E731
    return small.batch(as_bytes(images), as_bytes(alpha[..., 0]), FRAMES)


@pytest.fixture(scope="module")
def start(clip):
    model = GaussianModel(SETTINGS)
    return model, *model.initialize(builtin_head(), clip, jax.random.key(0))


def _psnr(model, params, state, clip):
    render = jax.jit(model.forward)(params, state, clip, jax.random.key(1))
    picture = render.image + 1.0 - render.alpha[..., None]
    return float(np.mean([metrics.psnr(a, b) for a, b in zip(picture, clip.over_white())]))


def test_it_starts_nearer_to_the_clip_than_the_mean_picture_is(start, clip):
    model, params, state = start
    target = np.asarray(clip.over_white())
    mean = np.mean([metrics.psnr(target.mean(axis=0), picture) for picture in target])
    assert _psnr(model, params, state, clip) > mean


def test_the_mouth_starts_dark_whatever_is_before_it(start):
    _, params, state = start
    mouth = np.asarray(state.rig.part) == parts.MOUTH
    assert mouth.any() and np.asarray(params.colour)[:, mouth].max() < 0.2


def test_steps_bring_it_nearer_and_what_is_hidden_stays(start, clip):
    model, params, state = start
    optimiser = rates.optimiser(40, bases_after=5)
    before = _psnr(model, params, state, clip)

    @jax.jit
    def step(params, moments, number):
        key = jax.random.fold_in(jax.random.key(0), number)
        background = jax.random.uniform(key, (FRAMES, 3))

        def total(params):
            render = model.forward(params, state, clip, key)
            return sum(model.losses(params, state, clip, render, background).values()), model.statistics(render)

        (_, statistics), grads = jax.value_and_grad(total, has_aux=True)(params)
        updates, moments = optimiser.update(grads, moments, params, shown=statistics.max_weight)
        return optax.apply_updates(params, updates), moments, statistics.max_weight

    moments, moved, ever = optimiser.init(params), params, np.zeros(state.rig.num_gaussians)
    for number in range(40):
        moved, moments, shown = step(moved, moments, number)
        ever = np.maximum(ever, np.asarray(shown))
        if number == 4:
            assert not np.asarray(moved.bases.colour).any()
            assert np.array_equal(moved.mixer.kernel_in, params.mixer.kernel_in)
    assert _psnr(model, moved, state, clip) > before + 2.0
    assert np.asarray(moved.bases.colour).any()
    hidden = ever <= 0.01
    assert hidden.any() and not hidden.all()
    for leaf, old in zip(jax.tree.leaves(dataclasses.replace(moved, mixer=())), jax.tree.leaves(params)):
        assert np.array_equal(np.asarray(leaf)[..., hidden], np.asarray(old)[..., hidden])


def test_every_leaf_has_a_group(start):
    model, params, _ = start
    assert set(jax.tree.leaves(model.labels(params))) == set(rates.RATES)


def test_losses_vanish_where_the_picture_is_the_frame(start, clip):
    model, params, state = start
    render = jax.jit(model.forward)(params, state, clip, jax.random.key(0))
    alpha = clip.alpha()
    perfect = dataclasses.replace(
        render, image=jnp.asarray(clip.image, jnp.float32) / 255.0 * alpha[..., None], alpha=alpha
    )
    terms = model.losses(params, state, clip, perfect, jnp.full((FRAMES, 3), 0.3))
    for name in ("rgb", "structural", "matte"):
        assert abs(float(terms[name])) < 1e-5, name
