"""What `launch.py evaluate` makes of its flags."""

import pathlib

import pytest
from absl import flags

from pegasus_jax.commands import evaluate as command
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import report
from pegasus_jax.evaluation.protocols.generative import Generative
from pegasus_jax.evaluation.protocols.reconstruction import Reconstruction


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs the command with flags, where there are work folders, and returns the calls that it made."""
    monkeypatch.chdir(tmp_path)
    for name in ("me", "a", "b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    calls = []
    for name in ("evaluate_run", "compare_runs"):
        monkeypatch.setattr(report, name, lambda *args, name=name, **named: calls.append((name, *args, named)))

    def call(*words):
        values = flags.FlagValues()
        command.define_flags(values)
        values(["evaluate", *words])
        command.run(values)
        return calls

    return call


def test_reconstruction_of_one_run_is_what_happens_by_itself(run):
    ((name, folder, named),) = run("--workdir=runs/me")
    assert (name, folder) == ("evaluate_run", pathlib.Path("runs/me"))
    assert named == {"protocol": Reconstruction(), "data": None, "out": None}


def test_a_protocol_and_its_settings_are_named(run):
    ((_, _, named),) = run("--workdir=runs/me", "--protocol=generative", "--set=pairs=200", "--out=x.json")
    assert named == {"protocol": Generative(pairs=200), "data": None, "out": pathlib.Path("x.json")}


def test_several_runs_are_compared_in_a_file_that_is_named(run):
    ((name, folders, named),) = run("--workdir=runs/a,runs/b", "--protocol=offsets", "--out=both.json")
    assert (name, folders, named["out"]) == (
        "compare_runs",
        [pathlib.Path("runs/a"), pathlib.Path("runs/b")],
        pathlib.Path("both.json"),
    )
    with pytest.raises(UserError, match=r"Comparing several work folders needs --out=FILE\.json"):
        run("--workdir=runs/a,runs/b")


def test_an_unknown_protocol_is_told_with_those_that_there_are(run):
    with pytest.raises(flags.IllegalFlagValueError, match="reconstruction"):
        run("--workdir=runs/me", "--protocol=beauty")
