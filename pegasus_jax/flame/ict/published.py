"""The files that ICT-FaceKit publishes and the converter reads: their names and hashes, and where they come from.

The light model is the folder `FaceXModel/` of https://github.com/ICT-VGL/ICT-FaceKit at one commit.
"""

import contextlib
import functools
import importlib.resources
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Mapping

from pegasus_jax import assets, atomic, fetch
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files
from pegasus_jax.untrusted.archives import DAMAGE, Archive, open_zip

_COMMIT = "da5f95a607f5e6b37755b38d3385d7f2853732e5"
URL = f"https://raw.githubusercontent.com/ICT-VGL/ICT-FaceKit/{_COMMIT}/FaceXModel"
ARCHIVE_URL = f"https://github.com/ICT-VGL/ICT-FaceKit/archive/{_COMMIT}.zip"
NEUTRAL_MESH = "generic_neutral_mesh"
VERTEX_INDICES = "vertex_indices.json"
_FOLDER = "FaceXModel"

Read = Callable[[str], bytes]  # the content of the file of a name, checked


def mesh_file(mesh: str) -> str:
    """The file of a mesh: the neutral one, `identity000`…`identity099`, or an expression."""
    return f"{mesh}.obj"


@functools.cache
def published_hashes() -> Mapping[str, str]:
    """File name -> SHA-256 of all files that the converter reads."""
    lines = importlib.resources.files(__package__).joinpath("published.sha256").read_text().splitlines()
    return {name: digest for digest, name in map(str.split, lines)}


def download_folder() -> pathlib.Path:
    """Where downloaded files stay until the head is built."""
    return assets.cache_folder() / "ict_facekit"


@contextlib.contextmanager
def open_published(
    origin: pathlib.Path | None = None, *, hashes: Mapping[str, str] | None = None, url: str = URL
) -> Iterator[Read]:
    """Yields a reader of the published files that refuses what is not the published content.

    Args:
        origin: a copy of the repository or of its folder `FaceXModel`, as a folder or a .zip; None: the network.
        hashes: SHA-256 by file name; those of the published files if None.
        url: where the files are on the network.

    Raises:
        UserError: `origin` is neither; and when reading: a file is missing, cannot be fetched, or is another.
    """
    expected = published_hashes() if hashes is None else hashes
    if origin is None:
        yield lambda name: _downloaded(name, expected[name], url)
    elif origin.is_dir():
        folder = origin / _FOLDER if (origin / _FOLDER).is_dir() else origin
        yield lambda name: _from_folder(folder / name, expected[name])
    elif files.is_regular(origin) and zipfile.is_zipfile(origin):
        with _told(origin), open_zip(origin) as archive:
            members = {pathlib.PurePosixPath(member).name: member for member in archive.names}
            yield lambda name: _from_archive(archive, members.get(name), name, expected[name])
    else:
        raise UserError(f"{origin} is neither a folder nor a .zip; give a copy of ICT-FaceKit, such as {ARCHIVE_URL}.")


def _downloaded(name: str, sha256: str, url: str) -> bytes:
    path = download_folder() / name
    if path.is_file():  # of a run that was interrupted; perhaps one of another version, which is then replaced
        with contextlib.suppress(UserError):
            return _from_folder(path, sha256)
    try:
        content = fetch.download(f"{url}/{name}", sha256=sha256)
    except OSError as error:
        raise UserError(
            f"ICT-FaceKit's {name} could not be fetched ({error}): "
            f"connect to the internet, or download {ARCHIVE_URL} on another machine and name it by --from."
        ) from error
    with atomic.file(path) as partial:
        partial.write_bytes(content)
    return content


def _from_folder(path: pathlib.Path, sha256: str) -> bytes:
    if not path.is_file():
        raise UserError(f"{path} is missing; give a whole copy of ICT-FaceKit, such as {ARCHIVE_URL}.")
    content = files.read_bytes(path)
    fetch.check(content, sha256, source=str(path))
    return content


def _from_archive(archive: Archive, member: str | None, name: str, sha256: str) -> bytes:
    if member is None:
        raise UserError(f"{archive.source} has no {name}; give a whole copy of ICT-FaceKit, such as {ARCHIVE_URL}.")
    with _told(archive.source):
        content = bytes(archive.read(member))
    fetch.check(content, sha256, source=f"{archive.source}: {member}")
    return content


@contextlib.contextmanager
def _told(archive: object) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except DAMAGE as error:
        raise UserError(f"{archive} is damaged ({error}); fetch it again.") from error
