"""Trunks of LPIPS on a local server: fetched once, checked by the digits in their names, and told where they fail."""

import hashlib

import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import trunk_files
from tests.flame.ict.toy_files import served

CONTENT = b"weights of a network"
DIGITS = hashlib.sha256(CONTENT).hexdigest()[:8]
NAME = f"alexnet-{DIGITS}.pth"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's cache, empty; there are no other assets, and a network of another name."""
    monkeypatch.delenv("PEGASUS_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(trunk_files.FILES, "alex", NAME)
    return tmp_path / "cache" / "pegasus-jax"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The folder that is served in place of the publisher's."""
    folder = tmp_path / "store"
    folder.mkdir()
    with served(folder) as url:
        monkeypatch.setattr(trunk_files, "STORE", url)
        yield folder


def test_it_is_fetched_into_the_cache_and_found_there_the_next_time(cache, store):
    (store / NAME).write_bytes(CONTENT)
    assert trunk_files.find_trunk("alex") == cache / NAME
    assert (cache / NAME).read_bytes() == CONTENT
    (store / NAME).unlink()
    assert trunk_files.find_trunk("alex") == cache / NAME


def test_other_content_is_refused_and_nothing_is_left(cache, store):
    (store / NAME).write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=rf"is truncated, changed or of another version .* not {DIGITS}…"):
        trunk_files.find_trunk("alex")
    assert not cache.exists() or not list(cache.iterdir())


def test_a_damaged_file_is_told(cache):
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=rf"is damaged: its sha256 is .*, not {DIGITS}… as its name says; delete it"):
        trunk_files.find_trunk("alex")


def test_without_network_one_sentence_says_what_to_do(cache, monkeypatch):
    monkeypatch.setattr(trunk_files, "STORE", "http://127.0.0.1:9")  # nobody listens on the discard port
    with pytest.raises(UserError) as error:
        trunk_files.find_trunk("alex")
    assert str(error.value).startswith(f"The weights {NAME} are not here and could not be fetched (")
    assert str(error.value).endswith(
        f"download http://127.0.0.1:9/{NAME} on another machine and put the file into {cache} or the folder named by "
        "$PEGASUS_ASSETS."
    )
