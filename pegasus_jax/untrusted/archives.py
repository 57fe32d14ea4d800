"""Zips: members of known size only, and no table of contents without end."""

import contextlib
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files
from pegasus_jax.untrusted.limits import MOST_DIRECTORY_BYTES, Budget

# What zipfile raises for damage: RuntimeError for encryption and methods that it lacks.
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, KeyError, RuntimeError)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others ask for as much memory as they like
_ENCRYPTED = 0x1
_CHUNK = 2**20


class Archive:
    """An open zip. Members' bytes are taken off the budget of the whole file."""

    def __init__(self, archive: zipfile.ZipFile, budget: Budget, *, source: str):
        self.names = tuple(archive.namelist())
        self.source = source
        self._archive, self._budget = archive, budget

    def is_compressed(self, name: str) -> bool:
        """Whether a member is not stored as it is."""
        return self._archive.getinfo(name).compress_type != zipfile.ZIP_STORED

    def read(self, name: str) -> bytearray:
        """The bytes of a member.

        Raises:
            UserError: it is encrypted, or packed in an unusual way; or the file unpacks to more than it may.
            Exception: one of `DAMAGE`.
        """
        info = self._archive.getinfo(name)
        if info.flag_bits & _ENCRYPTED:
            raise UserError(f"{self.source}: {files.said(name)} is encrypted; give the file without a password.")
        if info.compress_type not in _METHODS:
            raise UserError(f"{self.source}: {files.said(name)} is packed in an unusual way; pack it by deflate.")
        self._budget.spend(info.file_size)
        content = bytearray(info.file_size)
        view, filled = memoryview(content), 0
        with self._archive.open(info) as member:
            while read := member.readinto(view[filled : filled + _CHUNK]):  # type: ignore[attr-defined]
                filled += read
        if filled < info.file_size:
            raise EOFError(f"{files.said(name)} is cut short")
        return content


@contextlib.contextmanager
def open_zip(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """Opens a zip for the length of a block.

    Raises:
        UserError: it is missing, no regular file, or has too many members.
        Exception: one of `DAMAGE`, also out of the block.
    """
    with files.open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        bounded: Any = _Bounded(stream, source=os.fspath(path))
        with zipfile.ZipFile(bounded) as archive:
            bounded.is_open = True
            yield Archive(archive, Budget(size, source=path), source=os.fspath(path))


class _Bounded:
    """A stream for `zipfile`, which reads the whole table of contents at once when it opens one."""

    def __init__(self, stream: Any, *, source: str):
        self.is_open = False
        self._stream, self._source = stream, source

    def read(self, size: int = -1) -> bytes:
        if self.is_open:
            return self._stream.read(size)
        content = self._stream.read(MOST_DIRECTORY_BYTES + 1 if size < 0 else min(size, MOST_DIRECTORY_BYTES + 1))
        if len(content) > MOST_DIRECTORY_BYTES:
            raise UserError(f"{self._source} has too many members; it was not opened.")
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
