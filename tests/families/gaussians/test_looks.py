"""What looks change: maps under masks, codes, and what frames say as looks join."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.families.gaussians import looks, parts
from pegasus_jax.families.gaussians.params import HIDDEN_LOGIT, initial_params, with_last_hidden

from . import small

CATEGORIES = ("hair", "nose", "hair")
COUNT = 40


@pytest.fixture(scope="module")
def rig():
    return small.rigged(COUNT)[0]


def random_maps(seed=0):
    found = looks.initial_looks(CATEGORIES, 8, COUNT, seed=0)
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), jnp.float32), found.maps)


def test_codes_are_unit_vectors_while_a_category_has_no_more_looks_than_numbers():
    found = looks.initial_looks(CATEGORIES, 8, COUNT, seed=0)
    np.testing.assert_array_equal(found.codes, [[1, 0], [1, 0], [0, 1]])
    assert found.maps.offset.shape == (2, 2, 3, COUNT) and not any(leaf.any() for leaf in jax.tree.leaves(found.maps))
    crowded = looks.initial_looks(("hair",) * 3, 2, COUNT, seed=0)
    assert crowded.codes.shape == (3, 2) and np.linalg.matrix_rank(crowded.codes) == 2


def test_the_person_as_filmed_has_codes_of_zero_and_a_look_its_own():
    codes = jnp.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    table = looks.table(CATEGORIES, codes)
    assert not any(np.asarray(code).any() for code in table.latent(0).values())
    for row, category in enumerate(CATEGORIES):
        latent = table.latent(row + 1)
        np.testing.assert_array_equal(latent.pop(category), codes[row])
        assert not any(np.asarray(code).any() for code in latent.values())


def test_a_look_adds_its_maps_where_the_mask_of_its_category_lets_it(rig):
    params = initial_params(rig, num_bases=1, hidden=2, key=jax.random.key(0))
    maps, mask = random_maps(), np.zeros((2, COUNT), np.float32)
    mask[0, :10], mask[1, 5:20] = 1.0, 1.0
    codes = jnp.asarray([[0.5, -1.0], [2.0, 0.0]])
    worn = looks.wear(params, maps, jnp.asarray(mask), codes)
    for name in ("offset", "quaternion", "log_scale", "opacity_logit", "colour"):
        leaf, before, after = (np.asarray(getattr(one, name)) for one in (maps, params, worn))
        expected = before + mask[0] * (0.5 * leaf[0, 0] - leaf[0, 1]) + mask[1] * 2.0 * leaf[1, 0]
        np.testing.assert_allclose(after, expected, atol=1e-5)
        np.testing.assert_array_equal(after[..., 20:], before[..., 20:])
    assert worn.bases is params.bases and worn.mixer is params.mixer
    plain = looks.wear(params, maps, jnp.asarray(mask), jnp.zeros((2, 2)))
    np.testing.assert_array_equal(plain.colour, params.colour)


def test_a_hat_covers_hair_and_hair_what_it_shows_as_far_as_they_are_worn():
    mask, cover = jnp.ones((3, 4)), jnp.asarray([[1.0, 0, 0, 0], [0, 1, 1, 0], [1, 1, 0, 0]])
    reach = looks.Reach(mask, cover)
    found = reach.under(("nose", "hair", "hat"), jnp.asarray([1.0, 0.25, 1.0]))
    np.testing.assert_allclose(found, [[0, 0, 0.75, 1], [0, 0, 1, 1], [1, 1, 1, 1]])
    np.testing.assert_array_equal(reach.under(("nose", "hair", "hat"), jnp.zeros(3)), mask)


@pytest.mark.parametrize(
    "worn, expected", [([0, 0], 0.0), ([1, 0], 1.0), ([0.5, 0.5], 1.0), ([0, 0.3], 0.3), ([2, -1], 1.0)]
)
def test_a_look_is_worn_by_the_shares_of_the_looks_in_its_code(worn, expected):
    codes = jnp.asarray([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = looks.strengths(CATEGORIES, codes, jnp.asarray([worn, [0.0, 0.0]], jnp.float32))
    np.testing.assert_allclose(found, [expected, 0.0], atol=1e-6)


@dataclasses.dataclass(frozen=True)
class Clips:
    """Frames of each look, as `Videos` gives them."""

    batches: tuple

    def sample(self, look, *, count=8):
        return self.batches[look]


def test_frames_say_the_colours_of_a_look_and_whom_it_may_change(rig):
    """One look of the nose: frames are blue in the middle, where their mask is, and red elsewhere, as the person is."""
    params = initial_params(rig, num_bases=1, hidden=2, key=jax.random.key(0))
    params = dataclasses.replace(params, colour=jnp.tile(jnp.asarray([[1.0], [0.0], [0.0]]), (1, COUNT)))
    params = dataclasses.replace(params, log_scale=params.log_scale + 1.5)
    params = with_last_hidden(params, 5)
    side = small.SIDE
    inside = np.zeros((side, side), bool)
    inside[10:22, 10:22] = True
    images = np.where(inside[..., None], [0, 0, 255], [255, 0, 0]).astype(np.uint8)
    frames = small.batch(np.stack([images] * 3), np.full((3, side, side), 255, np.uint8), 3)
    frames = dataclasses.replace(frames, seg=np.stack([255 * inside.astype(np.uint8)] * 3))
    person, found, reach = looks.first_looks(
        looks.initial_looks(("nose",), 8, COUNT, seed=0),
        params,
        rig,
        Clips((None, frames)),
        look_categories=("nose",),
        hair=np.zeros(COUNT, np.float32),
        sizes=[5],
        frames=3,
        training_side=side,
    )
    mask, part = np.asarray(reach.mask)[0], np.asarray(rig.part)
    assert (
        set(np.unique(mask)) == {0.0, 1.0} and mask[-5:].all() and not mask[:-5][np.isin(part, parts.INSIDE)[:-5]].any()
    )
    np.testing.assert_allclose(found.maps.opacity_logit[0, 0, -5:], 0.5 - HIDDEN_LOGIT)
    np.testing.assert_array_equal(person.colour[:, :-5], params.colour[:, :-5])  # the look's own alone
    np.testing.assert_array_equal(person.opacity_logit, params.opacity_logit)
    worn = looks.wear(person, found.maps, jnp.asarray(mask)[None], found.codes)
    changed = np.abs(np.asarray(worn.colour - params.colour)).max(axis=0) > 0.3
    assert changed.any() and not changed[mask == 0].any()
    cover = np.asarray(reach.cover)[0]
    assert cover[changed].all() and not cover[(mask == 0) & ~np.isin(part, parts.INSIDE)].any()
    assert np.asarray(worn.colour)[2, changed].min() > 0.3 > np.asarray(worn.colour)[2, ~changed].max() - 0.01


def test_own_hair_that_new_hair_leaves_bare_starts_hidden(rig):
    """Frames whose mask of the new hair is empty: all own hair goes."""
    params = initial_params(rig, num_bases=1, hidden=2, key=jax.random.key(0))
    side, hair = small.SIDE, np.zeros(COUNT, np.float32)
    hair[:8] = 1.0
    frames = small.batch(np.zeros((2, side, side, 3), np.uint8), np.full((2, side, side), 255, np.uint8), 2)
    person, found, reach = looks.first_looks(
        looks.initial_looks(("hair",), 8, COUNT, seed=0),
        params,
        rig,
        Clips((None, frames)),
        look_categories=("hair",),
        hair=hair,
        sizes=[0],
        frames=2,
        training_side=side,
    )
    outside = ~np.isin(np.asarray(rig.part)[:8], parts.INSIDE)
    np.testing.assert_array_equal(person.colour, params.colour)
    np.testing.assert_array_equal(np.asarray(reach.mask)[0, :8], outside)
    assert (np.asarray(found.maps.opacity_logit)[0, 0, :8] < -3.0).all()
    assert not np.asarray(found.maps.opacity_logit)[0, 0, 8:].any()
