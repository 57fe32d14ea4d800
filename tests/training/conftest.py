"""One tiny run for all tests of this folder that look at what a run leaves behind."""

import dataclasses
import pathlib

import jax
import pytest

from pegasus_jax.training import loop
from pegasus_jax.training.step import Step
from tests.training import tiny


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run and how often its step was traced."""

    head: pathlib.Path
    data: pathlib.Path
    workdir: pathlib.Path
    cache: pathlib.Path  # JAX's compilation cache, for processes that repeat it
    traces: int


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("tiny")
    run = Run(
        tiny.write_head(folder / "head.npz"), tiny.write_dataset(folder / "me"), folder / "run", folder / "cache", 0
    )
    evaluate, traces = Step.evaluate, []

    def counted(*args):
        traces.append(1)
        return evaluate(*args)

    with pytest.MonkeyPatch.context() as patch, tiny.compilation_cache(run.cache):
        patch.setattr(Step, "evaluate", counted)
        loop.train(tiny.config(), data=[run.data], workdir=run.workdir, head=run.head)
    return dataclasses.replace(run, traces=len(traces))


@pytest.fixture
def cached(tiny_run):
    """Compiled programs of the tiny run are taken from its cache."""
    with tiny.compilation_cache(tiny_run.cache):
        yield jax.config.jax_compilation_cache_dir
