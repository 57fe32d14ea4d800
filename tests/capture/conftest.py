"""The built-in head, made once."""

import pytest

from pegasus_jax.flame import builtin_head


@pytest.fixture(scope="session")
def head():
    return builtin_head()


@pytest.fixture
def models(real_data, monkeypatch):
    """MediaPipe's model files, found through $PEGASUS_ASSETS."""
    monkeypatch.setenv("PEGASUS_ASSETS", str(real_data / "mediapipe"))
    return real_data
