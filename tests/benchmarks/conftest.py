import pathlib

import pytest

from tests.evaluation.conftest import no_weights as no_weights
from tests.evaluation.conftest import subject as subject


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    """Benchmarks are scripts that import each other from their own folder."""
    monkeypatch.syspath_prepend(str(pathlib.Path(__file__).parents[2] / "benchmarks"))
