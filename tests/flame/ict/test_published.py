import zipfile

import pytest

from pegasus_jax import assets
from pegasus_jax.errors import UserError
from pegasus_jax.flame.ict import expressions, published
from pegasus_jax.flame.ict.published import open_published

from . import toy_files

MESH = published.mesh_file(published.NEUTRAL_MESH)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return toy_files.write(tmp_path / "copy" / "FaceXModel")


def test_every_file_that_is_read_has_a_hash():
    meshes = [published.NEUTRAL_MESH, expressions.JAW_OPEN, *(f"identity{k:03}" for k in range(100))]
    meshes += [mesh for name in expressions.NAMES for mesh in expressions.meshes_of(name)]
    hashes = published.published_hashes()
    assert set(hashes) == {published.VERTEX_INDICES, *map(published.mesh_file, meshes)} and len(hashes) == 155
    assert all(len(digest) == 64 and int(digest, 16) for digest in hashes.values())


def test_the_hashes_are_those_that_came_with_the_numbers(facekit):
    known = dict(entry.split() for entry in facekit["sha256"].tolist())
    hashes = dict(published.published_hashes())
    hashes.pop(published.VERTEX_INDICES)
    assert hashes == {name: known[name] for name in hashes}


@pytest.mark.parametrize("level", ["the repository", "its folder", "an archive"])
def test_a_copy_may_be_the_repository_its_folder_or_an_archive(folder, tmp_path, level):
    origin = {"the repository": folder.parent, "its folder": folder, "an archive": tmp_path / "ICT-FaceKit.zip"}[level]
    with zipfile.ZipFile(tmp_path / "ICT-FaceKit.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"ICT-FaceKit-main/FaceXModel/{path.name}")
    with open_published(origin, hashes=toy_files.HASHES) as read:
        assert {name: read(name) for name in toy_files.HASHES} == toy_files.FILES


def test_files_are_fetched_and_an_interrupted_download_continues(folder):
    with toy_files.served(folder) as url, open_published(hashes=toy_files.HASHES, url=url) as read:
        assert read(MESH) == toy_files.FILES[MESH]
        (folder / MESH).unlink()
        assert read(MESH) == toy_files.FILES[MESH], "it is not fetched twice"
        toy_files.write(folder)
        (published.download_folder() / MESH).write_bytes(b"of another version")
        assert read(MESH) == toy_files.FILES[MESH]
        with pytest.raises(KeyError):
            read("another.obj")
    assert [path.name for path in published.download_folder().iterdir()] == [MESH]


@pytest.mark.parametrize("content", [b"v 0 0 1\n", b"v 0 0"], ids=["changed", "truncated"])
def test_a_file_that_is_not_the_published_one_is_refused_and_not_kept(folder, tmp_path, content):
    (folder / MESH).write_bytes(content)
    with (
        toy_files.served(folder) as url,
        open_published(hashes=toy_files.HASHES, url=url) as read,
        pytest.raises(UserError, match=rf"{url}/{MESH} is truncated, changed or of another version.*not used"),
    ):
        read(MESH)
    assert not published.download_folder().exists()
    with zipfile.ZipFile(tmp_path / "copy.zip", "w") as archive:
        archive.write(folder / MESH, f"FaceXModel/{MESH}")
    for origin in (folder, tmp_path / "copy.zip"):
        with (
            open_published(origin, hashes=toy_files.HASHES) as read,
            pytest.raises(UserError, match=rf"{MESH} is truncated, changed or of another version"),
        ):
            read(MESH)


def test_without_network_one_sentence_says_what_to_do(folder):
    with toy_files.served(folder) as url:
        pass  # nobody answers there any more
    with (
        open_published(hashes=toy_files.HASHES, url=url) as read,
        pytest.raises(UserError, match=r"could not be fetched \(.*\): connect .* or download https.*\.zip .* --from"),
    ):
        read(MESH)
    assert not assets.cache_folder().exists()


def test_a_copy_that_lacks_a_file_or_is_none_is_told(folder, tmp_path):
    (folder / MESH).unlink()
    with (
        open_published(folder, hashes=toy_files.HASHES) as read,
        pytest.raises(UserError, match=rf"{MESH} is missing; give a whole copy"),
    ):
        read(MESH)
    with zipfile.ZipFile(tmp_path / "copy.zip", "w") as archive:
        archive.writestr("README.md", "")
    with (
        open_published(tmp_path / "copy.zip", hashes=toy_files.HASHES) as read,
        pytest.raises(UserError, match=rf"copy\.zip has no {MESH}"),
    ):
        read(MESH)
    with (
        pytest.raises(UserError, match=r"neither a folder nor a \.zip"),
        open_published(tmp_path / "absent"),
    ):
        pass
