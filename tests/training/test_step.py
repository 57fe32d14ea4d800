"""One step: what it may move, and by how much."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.model import initial_state
from pegasus_jax.core.render import Render
from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import Batch
from pegasus_jax.families.points.settings import LossWeights
from pegasus_jax.families.points.terms import flame_weight, learning_rate_factor, picture_terms
from pegasus_jax.flame import load_head
from pegasus_jax.training import loop
from pegasus_jax.training.parallel import DataParallel
from pegasus_jax.training.settings import from_config
from pegasus_jax.training.step import Step, backgrounds
from tests.training import tiny
from tests.training.states import with_cloud

SEEN = (1, 4)


@dataclasses.dataclass(frozen=True)
class Stepped:
    before: object
    after: object
    metrics: dict
    again: dict  # metrics of the next step on the same frames
    early: object  # after a step taken before latents may move


@pytest.fixture(scope="module")
def stepped(tiny_run) -> Stepped:
    settings = from_config(tiny.config())
    videos = loop.load_videos([read_dataset(tiny_run.data)], settings)
    model = loop.make_model(settings, load_head(tiny_run.head), videos, betas=tiny.BETAS)
    state = initial_state(model, overlaps_per_point=settings.overlaps_per_point)
    state = with_cloud(state, alive=state.primitives.alive.at[-20:].set(False))
    parallel = DataParallel(jax.devices()[:1])
    step = parallel.wrap(Step(model, 0, True, settings.overlaps_per_point))
    batch, constants = parallel.split(videos.train.batch(SEEN)), parallel.replicate(model.constants)

    def one(state):
        after, metrics = step(parallel.replicate(state), batch, constants)
        return parallel.unreplicate(after), {
            name: float(np.min(np.asarray(value)[0])) for name, value in metrics.items()
        }

    early, _ = one(state)
    before = dataclasses.replace(state, frames_seen=jnp.int32(8))
    after, metrics = one(before)
    state = after
    for _ in range(6):
        state, again = one(state)
    return Stepped(before, after, metrics, again, early)


def test_steps_on_the_same_frames_lower_their_loss(stepped):
    assert stepped.again["loss"] < 0.97 * stepped.metrics["loss"]
    assert stepped.metrics["finite"] == 1.0


def test_frames_are_counted(stepped):
    assert int(stepped.after.frames_seen) == 8 + len(SEEN)


def test_latents_wait_for_their_time(stepped):
    base = [state.params.networks["latents"]["base"][...] for state in (stepped.before, stepped.early, stepped.after)]
    np.testing.assert_array_equal(base[1], base[0])
    assert np.abs(base[2] - base[0]).max() > 0


def test_dead_points_are_left_alone(stepped):
    moves = np.abs(np.asarray(stepped.after.params.points - stepped.before.params.points)).max(axis=1)
    assert not moves[-20:].any()
    assert np.median(moves[:-20]) > 0
    assert not np.asarray(stepped.after.moments.mu.points)[-20:].any()
    assert not np.asarray(stepped.after.primitives.visible)[-20:].any()
    assert np.asarray(stepped.after.primitives.visible).any()


def test_the_first_move_is_one_learning_rate(stepped):
    moves = np.abs(np.asarray(stepped.after.params.points - stepped.before.params.points))
    factor = 0.1 ** (8 / 48)
    assert moves.max() == pytest.approx(3e-3 * factor, rel=1e-2)


def test_the_flame_weight_halves_as_published():
    config = from_config(tiny.config(step__weights__flame=10.0, step__flame_halvings=(10, 20, 30, 40))).model.step
    weights = [float(flame_weight(jnp.int32(frames), config)) for frames in (0, 9, 10, 19, 20, 30, 40, 99)]
    assert weights == [10.0, 10.0, 5.0, 5.0, 2.5, 1.25, 0.625, 0.625]
    never = dataclasses.replace(config, flame_halvings=())
    assert float(flame_weight(jnp.int32(10**6), never)) == 10.0


def test_the_learning_rate_really_decays():
    config = from_config(tiny.config(step__rates__decay=0.01, total_frames=100)).model.step
    factors = [float(learning_rate_factor(jnp.int32(frames), config)) for frames in (0, 50, 100, 200)]
    np.testing.assert_allclose(factors, [1.0, 0.1, 0.01, 0.01], rtol=1e-5)


def test_a_hole_does_not_pass_for_white_where_the_background_is_not():
    side, white = 16, np.full((1, 16, 16, 3), 255, np.uint8)
    matte = np.zeros((1, side, side), np.uint8)
    matte[:, :, : side // 2] = 255
    zeros = np.zeros((1, side, side), np.uint8)
    tracked = [np.zeros((1, n)) for n in (100, 50, 15)]
    frames = Batch(white, matte, zeros, zeros, *tracked, None, None, *np.zeros((2, 1), np.int32))
    nothing = jnp.zeros((1, side, side))
    render = Render(jnp.ones((1, side, side, 3)), nothing)

    def rgb(background):
        colour = jnp.asarray([background], jnp.float32)
        return float(picture_terms(render, frames, colour, LossWeights(), None)["rgb"])

    assert rgb([1.0, 1.0, 1.0]) == pytest.approx(0.0, abs=1e-6)
    assert rgb([0.4, 0.7, 1.0]) == pytest.approx((0.6 + 0.3) / 3 / 2, rel=1e-5), "the half that has a person"


def test_backgrounds_belong_to_frames_and_change_with_the_step():
    batch = [jnp.array(frames) for frames in ([3, 5], [5, 8])]
    one, other = (backgrounds(jax.random.key(0), frames) for frames in batch)
    np.testing.assert_array_equal(one[1], other[0])
    assert np.abs(one[0] - one[1]).max() > 0.01
    assert np.abs(backgrounds(jax.random.key(1), batch[0]) - one).min(axis=1).max() > 0
