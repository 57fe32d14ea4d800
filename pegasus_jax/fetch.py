"""Files of others over the network: whole and with the expected content, or not at all."""

import gzip
import hashlib
import http.client
import urllib.request
import zlib

from pegasus_jax.errors import UserError

_TIMEOUT_S = 60


def download(url: str, *, sha256: str | None = None) -> bytes:
    """The content at `url`.

    Raises:
        OSError: it could not be fetched whole.
        UserError: its SHA-256 does not begin with `sha256`, hex digits, usually all of them.
    """
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            content = response.read()
            if response.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
    except (http.client.HTTPException, EOFError, zlib.error) as error:
        raise ConnectionError(f"the download broke off: {error!r}") from error
    if sha256 is not None:
        check(content, sha256, source=url)
    return content


def check(content: bytes, sha256: str, *, source: str) -> None:
    """Raises UserError if the SHA-256 of `content`, which came from `source`, does not begin with `sha256`."""
    found = hashlib.sha256(content).hexdigest()
    if not found.startswith(sha256):
        raise UserError(
            f"{source} is truncated, changed or of another version (its sha256 is {found[:8]}…, not {sha256[:8]}…): "
            "it was not used; fetch it again."
        )
