"""A tiny generative avatar, untrained, with its own clip and clips that show two of its looks."""

import pathlib

import pytest

from pegasus_jax import assets
from pegasus_jax.evaluation.subject import Subject
from tests.inference.untrained import write_run
from tests.training import tiny


def write_subject(folder: pathlib.Path) -> Subject:
    """Trained on the clip "me", says its run; shown are hair/ada and nose/ben as well."""
    folders = write_run(folder)
    shown = [tiny.write_swapped(folder / look, *look.split("_")) for look in ("hair_ada", "nose_ben")]
    return Subject.open(folders.run, data=[folders.data, *shown])


@pytest.fixture(scope="session")
def subject(tmp_path_factory):
    """One for all tests, which change copies alone."""
    return write_subject(tmp_path_factory.mktemp("subject"))


@pytest.fixture
def no_weights(monkeypatch):
    """No model file of any kind is here."""
    monkeypatch.setattr(assets, "find", lambda name: None)
