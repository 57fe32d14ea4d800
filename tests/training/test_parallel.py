"""One device and several: copies, shares, and a step that takes the same decision on both."""

import os
import pathlib
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.training.parallel import DataParallel

_ROOT = pathlib.Path(__file__).parents[2]
_ENVIRONMENT = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
_TWO_DEVICES = """
    import dataclasses, pathlib, sys
    import jax, numpy as np
    from pegasus_jax.data.frames import frame_order, take
    from pegasus_jax.data import read_dataset
    from pegasus_jax.flame import load_head
    from pegasus_jax.models.leaves import flat
    from pegasus_jax.training import loop
    from pegasus_jax.training.parallel import DataParallel
    from pegasus_jax.training.settings import from_config
    from pegasus_jax.training.step import make_step
    from tests.training import tiny

    assert len(jax.devices()) == 2
    settings = from_config(tiny.config(step__flame_sample=0))
    weights = dataclasses.replace(settings.step.weights, eikonal=0.0)  # its samples are each device's own
    step = dataclasses.replace(settings.step, weights=weights)
    videos = loop.load_videos([read_dataset(sys.argv[1])], settings)
    scene = loop.make_scene(load_head(sys.argv[2]), videos, settings)
    graphdef, state = loop.initial_state(settings, scene.space, videos)
    state = dataclasses.replace(state, frames_seen=state.frames_seen + 8)
    batch = take(videos.train, np.array([5, 0, 3, 6]))
    results = []
    for devices in (1, 2):
        parallel = DataParallel(jax.devices()[:devices])
        run = parallel.wrap(make_step(graphdef, step, perceptual=None, seed=0))
        after, metrics = run(parallel.replicate(state), parallel.split(batch), parallel.replicate(scene))
        if devices == 2:
            for name, leaf in flat(after).items():
                np.testing.assert_array_equal(np.asarray(leaf)[0], np.asarray(leaf)[1], err_msg=name)
        results.append((flat(parallel.unreplicate(after)), {k: float(np.asarray(v)[0]) for k, v in metrics.items()}))
    (one, figures_one), (two, figures_two) = results
    del figures_one["eikonal"]
    for name, value in figures_one.items():
        np.testing.assert_allclose(figures_two[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    assert int(two["frames_seen"]) == int(one["frames_seen"]) == 12
    for name in one:
        if name.startswith("moments.mu"):
            np.testing.assert_allclose(two[name], one[name], rtol=1e-3, atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(two["cloud.visible"], one["cloud.visible"])
    assert two["cloud.visible"].any()
"""


def test_copies_and_shares_have_a_device_axis_and_lose_it_again():
    parallel = DataParallel(jax.devices()[:1])
    tree = {"a": np.arange(6.0).reshape(2, 3), "b": jnp.int32(4)}
    copies = parallel.replicate(tree)
    assert copies["a"].shape == (1, 2, 3) and copies["b"].shape == (1,)
    back = parallel.unreplicate(copies)
    assert back["b"].dtype == jnp.int32
    jax.tree.map(np.testing.assert_array_equal, back, tree)
    assert parallel.split(tree["a"]).shape == (1, 2, 3)


def test_two_devices_do_what_one_does_with_their_frames_together(tiny_run):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_TWO_DEVICES), str(tiny_run.data), str(tiny_run.head)],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert done.returncode == 0, done.stderr[-3000:]
