"""What a run says of its time."""

import pytest

from pegasus_jax.training import duration, train
from tests.training import tiny


@pytest.mark.parametrize(
    ("frames", "seconds", "said"),
    [
        ([10, 20], [1.0, 2.0], "about 50 seconds"),
        ([600], [0.5], "about 5 minutes"),
        ([2000, 2000], [0.1, 0.5], "about 20 minutes"),
        ([36_000], [0.5], "about 5 hours"),
        ([0], [1.0], "about 0 seconds"),
    ],
)
def test_time_is_told_in_a_unit_that_fits(frames, seconds, said):
    assert duration.in_words(frames, seconds) == f"Training will take {said}."


def test_a_step_is_timed_on_states_that_are_given_up_and_not_the_first_time(monkeypatch):
    clock = iter([100.0, 103.0])
    monkeypatch.setattr(duration.time, "perf_counter", lambda: next(clock))
    states = []

    def program(state, batch, constants):
        states.append(state)
        return state + 1, {"loss": batch}

    assert duration.seconds_a_step(program, 0, 1.0, None) == pytest.approx(1.0)
    assert states == [0, 1, 2, 3]


def test_a_run_tells_it_before_its_first_step(tiny_run, tmp_path, capfd):
    train(tiny.config(), data=[tiny_run.data], workdir=tmp_path / "run", head=tiny_run.head)
    told = capfd.readouterr().err
    assert "Training will take about" in told and told.index("Memory: ") < told.index("Training will take about")
