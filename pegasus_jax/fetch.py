"""Files of others over the network: whole and with the expected content, or not at all."""

import hashlib
import http.client
import urllib.request
import zlib

from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import limits

_TIMEOUT_S = 60
_GZIP = 16 + zlib.MAX_WBITS  # of zlib: with the head of a gzip file


def download(url: str, *, sha256: str | None = None) -> bytes:
    """The content at `url`.

    Raises:
        OSError: it could not be fetched whole.
        UserError: it is larger than a file may be; its SHA-256 does not begin with `sha256`, hex digits, usually all.
    """
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            said = response.headers.get("Content-Length", "")
            if said.isdecimal():
                limits.check_file(int(said), source=url)
            content = response.read() if said else response.read(limits.file_bytes() + 1)  # which misses a cut
            if response.headers.get("Content-Encoding") == "gzip":
                content = _unpacked(content)
    except (http.client.HTTPException, EOFError, zlib.error) as error:
        raise ConnectionError(f"the download broke off: {error!r}") from error
    limits.check_file(len(content), source=url)
    if sha256 is not None:
        check(content, sha256, source=url)
    return content


def _unpacked(content: bytes) -> bytes:
    """Of a gzip file, one byte more than a file may have at most: it may unpack to any size."""
    unpacker = zlib.decompressobj(wbits=_GZIP)
    unpacked = unpacker.decompress(content, limits.file_bytes() + 1)
    if not unpacker.eof and len(unpacked) <= limits.file_bytes():
        raise EOFError("it is cut short")
    return unpacked


def check(content: bytes, sha256: str, *, source: str) -> None:
    """Raises UserError if the SHA-256 of `content`, which came from `source`, does not begin with `sha256`."""
    found = hashlib.sha256(content).hexdigest()
    if not found.startswith(sha256):
        raise UserError(
            f"{source} is truncated, changed or of another version (its sha256 is {found[:8]}…, not {sha256[:8]}…): "
            "it was not used; fetch it again."
        )
