"""What the head model suggests for places on its skin and off it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.families.free_points.head_space import ANY_PART, head_space, nearest_vertices
from pegasus_jax.families.points.weight_prior import smooth_weights
from pegasus_jax.flame import builtin_head


@pytest.fixture(scope="module")
def space():
    return head_space(builtin_head(), jnp.zeros(50))


def suggested(space, places):
    return np.asarray(smooth_weights(space, places, nearest_vertices(space, places, jnp.full(len(places), ANY_PART))))


def test_on_the_skin_they_are_the_nearest_vertexs(space):
    every = jnp.arange(space.head.num_vertices)
    got = smooth_weights(space, space.vertices_fc + 0.02 * space.normals_fc, every)
    np.testing.assert_array_equal(got, space.lbs_weights)


def test_they_are_weights_everywhere(space):
    places = jax.random.uniform(jax.random.key(0), (500, 3), minval=-1.5, maxval=1.5)
    got = suggested(space, places)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, atol=1e-5)
    assert got.min() >= 0.0


def test_a_lock_beside_the_neck_is_in_one_piece(space):
    """From the crown's height down to the collar, three centimetres beside the head: no jump from place to place."""
    low, high = (float(edge(space.vertices_fc[:, 1])) for edge in (jnp.min, jnp.max))
    side = float(jnp.max(space.vertices_fc[:, 0])) * 0.6 + 0.12
    heights = np.linspace(high, low, 400)
    places = jnp.asarray(np.stack([np.full(400, side), heights, np.full(400, 0.0)], axis=1), jnp.float32)
    off = np.asarray(jnp.min(jnp.linalg.norm(places[:, None] - space.vertices_fc[None], axis=-1), axis=1))
    hanging = off[1:] > 0.1
    assert hanging.sum() > 50
    nearest = nearest_vertices(space, places, jnp.full(400, ANY_PART))
    torn = np.abs(np.diff(np.asarray(space.lbs_weights)[nearest], axis=0)).sum(axis=1)[hanging]
    smooth = np.abs(np.diff(suggested(space, places), axis=0)).sum(axis=1)[hanging]
    assert smooth.max() < 0.05
    assert torn.max() > 4 * smooth.max()


def test_clothes_stay_where_they_are(space):
    """From the collar outwards, sloping like shoulders, and down the chest: the root alone moves them."""
    rim = float(jnp.min(space.vertices_fc[:, 1]))
    across = np.linspace(0.45, 1.0, 20)
    shoulder = np.stack([across, rim - 0.3 * (across - 0.3) - 0.05, np.full(20, -0.1)], axis=1)
    chest = np.stack([np.zeros(20), np.linspace(rim - 0.1, rim - 0.6, 20), np.full(20, 0.35)], axis=1)
    assert suggested(space, jnp.asarray(np.concatenate([shoulder, chest]), jnp.float32))[:, 1].min() > 0.8


def test_nothing_off_the_skin_opens_with_the_jaw(space):
    chin = jnp.argmax(space.lbs_weights[:, 3] * (space.parts == 0))
    before = (space.vertices_fc[chin] + 0.2 * space.normals_fc[chin])[None]
    assert space.lbs_weights[chin, 3] > 0.9 and suggested(space, before)[0, 3] < 1e-6


def test_eyeballs_keep_their_own(space):
    eye = jnp.flatnonzero(space.parts == 1)[:1]
    far = space.vertices_fc[eye] + jnp.array([[0.0, 0.0, 0.5]])
    np.testing.assert_array_equal(smooth_weights(space, far, eye), space.lbs_weights[eye])


def test_no_gradient_flows_through_the_place(space):
    place, nearest = jnp.array([[0.4, 0.1, 0.3]]), jnp.array([0])
    slope = jax.grad(lambda x: smooth_weights(space, x, nearest)[0, 2])(place)
    np.testing.assert_array_equal(slope, 0.0)
