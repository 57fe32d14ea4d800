"""What a run says of its memory, and whether it is true."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import ClipFrames
from pegasus_jax.data.store import FrameStore
from pegasus_jax.errors import UserError
from pegasus_jax.families.points import cloud
from pegasus_jax.training import memory, train
from tests.training import tiny
from tests.training.states import random_state

_ROOT = pathlib.Path(__file__).parents[2]
_GIB = 2**30
_NEED = memory.Need(
    memory.Work("1000 points", 64, 4, "--config.cloud.max_points"),
    program=3 * _GIB,
    devices=2,
    shared=True,
    frames=_GIB,
    present=_GIB // 2,
    peak=_GIB,
)


def test_what_fits_is_said_in_parts():
    said = memory.checked(_NEED, memory.Limits(host=16 * _GIB, device=None))
    assert said == (
        "Memory: 7.5 GiB of 16.0 GiB (6.0 GiB for steps with 1000 points and 4 x 64x64 pixels on 2 devices, 1.0 GiB "
        "for decoded frames, 512 MiB held already)."
    )
    on_gpu = dataclasses.replace(_NEED, shared=False)
    said = memory.checked(on_gpu, memory.Limits(host=2 * _GIB, device=4 * _GIB))
    assert said.startswith("Memory: 3.0 GiB of 4.0 GiB on each device for steps with 1000 points")
    assert said.endswith("; 1.5 GiB of 2.0 GiB on the host.")
    young = dataclasses.replace(_NEED, program=0, frames=0)
    assert young.host == _GIB, "what compiling took is part of the peak"


@pytest.mark.parametrize(
    ("changes", "limits", "sentence"),
    [
        (
            {},
            memory.Limits(7 * _GIB, None),
            r"takes 7\.5 GiB .* machine has 7\.0 GiB; lower --config.batch_size\.",
        ),
        ({"frames": 7 * _GIB}, memory.Limits(7 * _GIB, None), r"lower --cache_gib\."),
        ({"shared": False}, memory.Limits(7 * _GIB, 2 * _GIB), r"takes 3\.0 GiB .* on each device, which has 2\.0 GiB"),
        (
            {"work": memory.Work("1000 points", 64, 1, "--config.cloud.max_points")},
            memory.Limits(7 * _GIB, None),
            r"lower --config.cloud.max_points or --config.image_size\.",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_lower(changes, limits, sentence):
    with pytest.raises(UserError, match=sentence):
        memory.checked(dataclasses.replace(_NEED, **changes), limits)


def test_a_container_may_have_less_than_the_machine(tmp_path, monkeypatch):
    whole = memory.there_is(jax.devices()[0]).host
    monkeypatch.setattr(memory, "_CONTAINER_LIMIT", tmp_path / "memory.max")
    for text, expected in (("1048576\n", 2**20), ("max\n", None), (f"{2**60}\n", None)):
        (tmp_path / "memory.max").write_text(text)
        found = memory.there_is(jax.devices()[0])
        assert found.device is None
        assert found.host == expected if expected else found.host >= whole


def test_a_program_is_its_arguments_results_and_intermediates_but_what_is_given_up_counts_once():
    def program(given_up):
        step = jax.jit(lambda a, b: 2.0 * a + b, donate_argnums=(0,) if given_up else ())
        return step.lower(jnp.zeros(2**20), jnp.zeros(2**20)).compile()

    kept, given_up = (
        memory.need(program(which), jax.devices(), work=_NEED.work, frames=0).program for which in (False, True)
    )
    assert (kept, given_up) == (3 * 4 * 2**20, 2 * 4 * 2**20)


def test_frames_to_come_are_those_that_fit_into_what_is_left_and_those_that_wait(tmp_path):
    dataset = read_dataset(tiny.write_dataset(tmp_path / "me"))
    clip = ClipFrames(dataset, np.arange(10), image_size=(24, 24))
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(clip.read(np.array([0]))))
    store = FrameStore([clip], budget=4 * size + size // 2)
    assert store.bytes_to_come(clip.read(np.array([0, 1]))) == (4 + 8 * 2) * size
    store.batch([0, 1, 2])
    assert store.bytes_to_come(clip.read(np.array([0, 1]))) == (1 + 8 * 2) * size
    assert FrameStore([clip], budget=99 * size).bytes_to_come(clip.read(np.array([0]))) == (10 + 8) * size


def test_an_empty_state_has_the_shapes_of_a_grown_one():
    empty = cloud.empty_at(random_state(48), 96)
    grown = random_state(96)
    assert jax.tree.map(jnp.shape, empty) == jax.tree.map(jnp.shape, grown)
    assert jax.tree.map(jnp.result_type, empty) == jax.tree.map(jnp.result_type, grown)
    assert not empty.primitives.alive.any()


def test_a_run_says_it_before_its_first_step_and_refuses_what_cannot_fit(tiny_run, tmp_path, monkeypatch, capfd):
    workdir = tmp_path / "run"
    monkeypatch.setattr(memory, "there_is", lambda device: memory.Limits(2**20, None))
    with pytest.raises(UserError, match=r"160 points and 2 x 24x24 pixels.* has 1 MiB; lower --config.batch"):
        train(tiny.config(), data=[tiny_run.data], workdir=workdir, head=tiny_run.head)
    assert not any((workdir / "checkpoints").iterdir())
    assert "Memory: " not in capfd.readouterr().err


_CHILD = """
    import json, resource, jax, jax.numpy as jnp
    from pegasus_jax.training import memory

    @jax.jit
    def step(a):
        b = jnp.outer(a, a)
        return (b @ b).sum(axis=0)

    a = jnp.ones(8192)
    needed = memory.need(step.lower(a).compile(), jax.devices(), work=memory.Work("1 point", 1, 1, "none"), frames=0)
    step(a).block_until_ready()
    print(json.dumps([needed.host, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def test_a_process_takes_what_was_predicted():
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", textwrap.dedent(_CHILD)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    predicted, measured = json.loads(done.stdout)
    assert predicted == pytest.approx(measured, rel=0.15)
