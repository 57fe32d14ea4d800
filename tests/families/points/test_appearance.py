"""What pictures show of points: colours that the cast really has, and networks that say the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pegasus_jax.core import latents, leaves
from pegasus_jax.families.points import appearance, joining
from pegasus_jax.families.points.clouds import Clouds
from pegasus_jax.families.points.render import SHADING_GAIN


@pytest.fixture(scope="module")
def seen(joining_run):
    """Everything that can be seen, the points of long hair last."""
    clouds, points, state, videos, radius = joining_run
    found = joining.newcomers(clouds, points, videos, count=400, radius=radius, seed=0)
    everything = jnp.concatenate([points, jnp.asarray(found)])
    part = jnp.concatenate([state.primitives.part, jnp.zeros(len(found), jnp.int32)])
    labels = joining.shown(clouds, everything, len(points), videos)
    return (
        everything,
        labels,
        appearance.observe(clouds, everything, part, state.primitives.radius, videos, there=labels),
    )


def _picture_colour(videos, look: int) -> np.ndarray:
    """Mean colour of what the look's pictures mark as its part."""
    frames = videos.sample(look)
    inside = np.asarray(frames.seg) > 200
    return frames.image[inside].mean(axis=0) / 255.0


def test_hair_has_the_colour_of_hair_and_is_the_part(joining_run, seen):
    clouds, points, _, videos, _ = joining_run
    everything, labels, found = seen
    hair = (np.arange(len(everything)) >= len(points)) & (np.asarray(found.weight[1]) > 0.9)
    assert hair.sum() > 100
    merged = nnx.merge(clouds.graphdef, clouds.networks)
    up = jnp.asarray([[0.0, 0.0, 1.0]])
    shading = np.asarray(merged.shading(up, latents.flatten(merged.latents.latent(1))))[0]
    colour = SHADING_GAIN * shading * np.asarray(found.albedo[1])[hair]
    np.testing.assert_allclose(np.median(colour, axis=0), _picture_colour(videos, 1), atol=0.08)
    assert np.asarray(found.part[1])[hair].mean() > 0.8
    absent = np.asarray(found.weight)[~labels]
    assert absent.size and absent.max() == 0.0, "points that are not there are not seen"
    assert np.asarray(found.part[0])[: len(points)].max() < 0.1, "the person as filmed is bald"


def test_the_fitted_network_says_what_was_seen(joining_run, seen):
    clouds = joining_run.clouds
    everything, _, found = seen
    fitted = appearance.fit_appearance(clouds, everything, jnp.zeros(len(everything), jnp.int32), found, seed=0)

    def error(networks) -> float:
        merged = nnx.merge(clouds.graphdef, networks)
        total = 0.0
        for look in range(3):
            x_sc = Clouds(clouds.graphdef, networks, clouds.space).subject_canonical(everything, look)
            albedo = merged.canonical(x_sc, latents.flatten(merged.latents.latent(look))).albedo
            total += float(jnp.mean(found.weight[look][:, None] * jnp.abs(albedo - found.albedo[look])))
        return total

    assert error(fitted) < 0.25 * error(clouds.networks)
    before, after = (dict(leaves.flat(networks)) for networks in (clouds.networks, fitted))
    assert {name.split(".")[0] for name in before if np.any(before[name] != after[name])} == {"canonical"}
    assert jax.tree.all(jax.tree.map(lambda leaf: jnp.all(jnp.isfinite(leaf)), fitted))


def test_seen_beyond_the_networks_make_pictures_closer_to_their_frames(joining_run):
    clouds, _, state, videos, _ = joining_run
    points, part = state.params.points[state.primitives.alive], state.primitives.part[state.primitives.alive]
    found = appearance.observe(clouds, points, part, state.primitives.radius, videos)
    beyond = appearance.seen_beyond(clouds.graphdef, state, clouds.space, videos)
    assert beyond.shape == (3, len(points), 4) and np.isfinite(beyond).all()
    merged = nnx.merge(clouds.graphdef, clouds.networks)
    for look in range(3):
        z = latents.flatten(merged.latents.latent(look))
        said = np.asarray(merged.canonical(clouds.subject_canonical(points, look), z, part).albedo)
        weight = np.asarray(found.weight[look])[:, None]
        error = [(weight * np.abs(albedo - found.albedo[look])).mean() for albedo in (said, said + beyond[look][:, :3])]
        assert error[1] < 0.5 * error[0]


def test_what_no_frame_shows_is_as_what_frames_show_beside_it_and_what_a_look_hides_as_filmed(joining_run, monkeypatch):
    """As of clips that never turn: one colour in front, under the look another and its cue, and a cheek hidden."""
    clouds, _, state, videos, _ = joining_run
    points, part = (
        state.params.points[state.primitives.alive],
        np.asarray(state.primitives.part[state.primitives.alive]),
    )
    x_fc = np.stack([clouds.flame_canonical(points, look) for look in range(3)])
    front = x_fc[0, :, 2] > 0.0
    hidden = front & (x_fc[0, :, 0] > 0.2)
    colours = np.array([[0.2, 0.3, 0.4], [0.9, 0.5, 0.1], [0.5, 0.5, 0.5]], np.float32)
    found = appearance.Seen(
        albedo=jnp.asarray(np.where(front[None, :, None], colours[:, None, :], 0.0)),
        part=jnp.asarray(front[None, :] * np.array([[0.0], [1.0], [0.0]], np.float32)),
        weight=jnp.asarray(np.stack([front, front & ~hidden, np.zeros_like(front)]), jnp.float32),
    )
    monkeypatch.setattr(appearance, "observe", lambda *_, **__: found)
    beyond = appearance.seen_beyond(clouds.graphdef, state, clouds.space, videos)
    merged, back = nnx.merge(clouds.graphdef, clouds.networks), ~front & (part <= 0)
    assert back.sum() > 50
    for look, logit in ((0, -7.0), (1, 7.0)):
        z = latents.flatten(merged.latents.latent(look))
        said = merged.canonical(clouds.subject_canonical(points, look), z, jnp.asarray(part))
        albedo = (np.asarray(said.albedo) + beyond[look][:, :3])[back]
        np.testing.assert_allclose(albedo, np.broadcast_to(colours[look], albedo.shape), atol=1e-5)
        cue = (np.clip(np.asarray(said.seg_logit), -7.0, 7.0) + beyond[look][:, 3])[back]
        np.testing.assert_allclose(cue, logit, atol=0.2)
        np.testing.assert_array_equal(beyond[look][~front & (part > 0)], 0.0)
    assert (hidden & (part <= 0)).sum() > 20
    np.testing.assert_array_equal(beyond[1][hidden], beyond[0][hidden])
    np.testing.assert_array_equal(beyond[2], beyond[0])
