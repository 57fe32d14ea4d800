"""Checkpoints: what goes in comes out, at the capacity that it had."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.leaves import flat
from pegasus_jax.errors import UserError
from pegasus_jax.inference import checkpoint
from pegasus_jax.training.checkpoints import Checkpoints
from tests.training.states import random_state


def test_a_state_comes_back_bit_for_bit_at_its_own_capacity(tmp_path):
    state = dataclasses.replace(random_state(48, seed=1), frames_seen=jnp.int32(160))
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.restore(state) is None
        checkpoints.save(state)
    with Checkpoints(tmp_path) as checkpoints:
        restored = checkpoints.restore(random_state(16, seed=2))
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    for name, leaf in flat(state).items():
        np.testing.assert_array_equal(flat(restored)[name], leaf, err_msg=name)
        assert flat(restored)[name].dtype == leaf.dtype


def test_only_the_newest_are_kept_and_the_newest_is_read(tmp_path):
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        for frames_seen in (8, 16, 24):
            state = random_state(4, seed=frames_seen)
            checkpoints.save(dataclasses.replace(state, frames_seen=jnp.int32(frames_seen)))
        checkpoints.save(dataclasses.replace(state, frames_seen=jnp.int32(24)))
    assert sorted(int(path.name) for path in (tmp_path / "checkpoints").iterdir()) == [16, 24]
    with Checkpoints(tmp_path) as checkpoints:
        restored = checkpoints.restore(random_state(4))
    np.testing.assert_array_equal(restored.params.points, random_state(4, seed=24).params.points)


def test_other_networks_are_told(tmp_path):
    state = random_state(4)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(state)
    networks = type(state.params.networks)({**state.params.networks, "another": state.params.networks["w"]})
    template = dataclasses.replace(state, params=dataclasses.replace(state.params, networks=networks))
    with (
        Checkpoints(tmp_path) as checkpoints,
        pytest.raises(UserError, match=r"made with other networks: params\.networks\.another"),
    ):
        checkpoints.restore(template)


def test_no_checkpoint_is_told(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.restore(random_state(4)) is None
    with pytest.raises(UserError, match="holds no checkpoint yet; train first"):
        checkpoint.read_newest(tmp_path)
