import os
import pathlib
import subprocess
import sys

import jax
import pytest

from pegasus_jax import devices
from pegasus_jax.errors import UserError


@pytest.fixture
def cache_setting():
    before = jax.config.jax_compilation_cache_dir
    yield
    jax.config.update("jax_compilation_cache_dir", before)


def test_an_absent_device_is_one_sentence_with_a_remedy(monkeypatch):
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)

    def absent(*platform):
        if platform:
            raise RuntimeError("Unknown backend")
        return real()

    real = jax.devices
    monkeypatch.setattr(devices.jax, "devices", absent)
    with pytest.raises(UserError, match=r"^--device=gpu: JAX finds no GPU here, only .*'\.\[cuda13\]'\.$"):
        devices.use_device("gpu")
    with pytest.raises(UserError, match=r"'\.\[tpu\]'"):
        devices.use_device("tpu")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    with pytest.raises(UserError, match="JAX_PLATFORMS=cpu is set, unset it"):
        devices.use_device("gpu")


def test_a_gpu_that_jax_does_not_use_is_told(monkeypatch):
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    monkeypatch.setattr(devices.jax, "default_backend", lambda: "cpu")
    monkeypatch.setattr(pathlib.Path, "is_dir", lambda path: True)
    assert "has an NVIDIA GPU, but JAX computes on" in devices.unused_gpu()
    monkeypatch.setattr(devices.jax, "default_backend", lambda: "gpu")
    assert devices.unused_gpu() is None
    monkeypatch.setattr(pathlib.Path, "is_dir", lambda path: False)
    assert devices.unused_gpu() is None


def test_programs_are_kept_in_the_cache_unless_the_user_has_another(monkeypatch, tmp_path, cache_setting):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    before = jax.config.jax_compilation_cache_dir
    devices.enable_compilation_cache(tmp_path)
    assert jax.config.jax_compilation_cache_dir == before
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    devices.enable_compilation_cache(tmp_path)
    assert pathlib.Path(jax.config.jax_compilation_cache_dir).parent == tmp_path


def test_programs_that_others_could_have_written_are_not_run(monkeypatch, tmp_path, cache_setting):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    devices.enable_compilation_cache(tmp_path)
    kept = pathlib.Path(jax.config.jax_compilation_cache_dir)
    (kept / "jit_f-cache").write_bytes(b"planted")
    kept.chmod(0o777)
    devices.enable_compilation_cache(tmp_path)
    assert not list(kept.iterdir()) and kept.stat().st_mode & 0o777 == 0o700
    if os.getuid() == 0:
        jax.config.update("jax_compilation_cache_dir", None)
        os.chown(kept, 12345, -1)
        devices.enable_compilation_cache(tmp_path)
        assert jax.config.jax_compilation_cache_dir is None


def test_deterministic_kernels_are_asked_for_beside_other_flags(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    devices.make_deterministic()
    assert os.environ["XLA_FLAGS"] == "--xla_force_host_platform_device_count=2 --xla_gpu_deterministic_ops=true"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
def test_freed_memory_is_not_fetched_from_the_system_again():
    """Faults of the second half of a hundred arrays, in the first thread and in another."""
    words = """if True:
        import concurrent.futures, resource, sys
        import numpy as np
        from pegasus_jax import devices

        def used():
            for _ in range(50):
                np.ones(1 << 22)

        if sys.argv[1] == "kept":
            devices.keep_freed_memory()
        other = concurrent.futures.ThreadPoolExecutor(1)
        used(), other.submit(used).result()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        used(), other.submit(used).result()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        """
    faults = {
        how: int(subprocess.run([sys.executable, "-c", words, how], check=True, capture_output=True).stdout)
        for how in ("kept", "returned")
    }
    assert faults["kept"] < 0.05 * faults["returned"]
