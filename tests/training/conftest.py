"""One tiny run for all tests of this folder that look at what a run leaves behind."""

import dataclasses
import pathlib

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
    traces: int


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("tiny")
    run = Run(tiny.write_head(folder / "head.npz"), tiny.write_dataset(folder / "me"), folder / "run", 0)
    evaluate, traces = Step.evaluate, []

    def counted(*args):
        traces.append(1)
        return evaluate(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Step, "evaluate", counted)
        loop.train(tiny.config(), data=[run.data], workdir=run.workdir, head=run.head)
    return dataclasses.replace(run, traces=len(traces))
