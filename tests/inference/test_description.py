"""Which head is meant where no path was given."""

from pegasus_jax.families.description import default_head
from pegasus_jax.flame import builtin_head
from tests.training import tiny


def test_the_built_in_head_is_found_by_its_hash_whatever_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("FLAME_PATH", str(tiny.write_head(tmp_path / "mine.npz")))
    assert default_head(builtin_head().sha256).name == builtin_head().name
    assert default_head(None).name == default_head("0" * 64).name == "mine"
