"""Strict test mode: warnings are errors, implicit rank promotion raises, real data are skipped with a reason."""

import os
import pathlib
import shutil
import tempfile

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")

# Tests compile for minutes and compute for seconds. The processes that some of them start have to do the same: results
# are compared to the bit.
jax.config.update("jax_disable_most_optimizations", True)
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"

# All processes of a test run, its workers and what they start, share one folder of compiled programs: the first makes
# it and takes it away, the others find it in their environment. One that a developer names stays, and serves again.
_MADE = None
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _MADE = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="pegasus-jax-tests-")
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def pytest_unconfigure() -> None:
    if _MADE:
        shutil.rmtree(_MADE, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def _no_more_programs_than_one_file_needs():
    """Lets go of compiled programs: thousands of them in one process exhaust its memory maps, and XLA aborts."""
    yield
    jax.clear_caches()


@pytest.fixture
def optimised(monkeypatch):
    """Optimised programs, for a test that computes for longer than it compiles."""
    monkeypatch.delenv("JAX_DISABLE_MOST_OPTIMIZATIONS")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder of real videos and models named by $PEGASUS_TEST_DATA."""
    folder = os.environ.get("PEGASUS_TEST_DATA")
    if not folder or not pathlib.Path(folder).is_dir():
        pytest.skip("needs real videos and models: set PEGASUS_TEST_DATA to their folder")
    return pathlib.Path(folder).resolve()
