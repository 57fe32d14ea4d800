import hashlib
import urllib.error
import urllib.request

import pytest

from pegasus_jax import assets
from pegasus_jax.capture import model_files
from pegasus_jax.capture.model_files import find_model
from pegasus_jax.errors import UserError


@pytest.fixture(autouse=True)
def empty_places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PEGASUS_ASSETS", raising=False)


def test_the_assets_folder_comes_before_the_cache(tmp_path, monkeypatch):
    for folder in (tmp_path / "assets", assets.cache_folder()):
        folder.mkdir(parents=True)
        (folder / "hair_segmenter.tflite").write_bytes(b"model")
    assert find_model("hair_segmenter.tflite").parent == assets.cache_folder()
    monkeypatch.setenv("PEGASUS_ASSETS", str(tmp_path / "assets"))
    assert find_model("hair_segmenter.tflite").parent == tmp_path / "assets"


def test_a_missing_model_is_fetched_once_into_the_cache(tmp_path, monkeypatch):
    store = tmp_path / "store.tflite"
    store.write_bytes(b"model")
    monkeypatch.setitem(model_files.URLS, "hair_segmenter.tflite", store.as_uri())
    assert find_model("hair_segmenter.tflite").read_bytes() == b"model"
    store.unlink()
    assert find_model("hair_segmenter.tflite").read_bytes() == b"model"
    assert [path.name for path in assets.cache_folder().iterdir()] == ["hair_segmenter.tflite"]


def test_without_network_the_message_says_which_file_to_put_where(monkeypatch):
    def unreachable(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    with pytest.raises(
        UserError, match=r"face_landmarker.task.*no route to host.*face_landmarker/float16.*put it into"
    ):
        find_model("face_landmarker.task")
    assert not assets.cache_folder().exists()


def test_another_landmarker_than_the_pinned_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PEGASUS_ASSETS", str(tmp_path))
    (tmp_path / "face_landmarker.task").write_bytes(b"something else")
    with pytest.raises(UserError, match="is not the model this version was made for"):
        find_model("face_landmarker.task")
    digest = hashlib.sha256(b"something else").hexdigest()
    monkeypatch.setitem(model_files.PINNED_SHA256, "face_landmarker.task", digest)
    assert find_model("face_landmarker.task").parent == tmp_path


def test_an_unknown_name_is_refused():
    with pytest.raises(UserError, match=r"no model file called 'faces\.bin'"):
        find_model("faces.bin")
