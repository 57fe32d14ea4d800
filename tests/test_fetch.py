import gzip
import hashlib
import http.server

import pytest

from pegasus_jax import fetch
from pegasus_jax.errors import UserError

from .flame.ict.toy_files import served

CONTENT = b"v 0 0 0\n" * 1000


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, *args, directory):
        super().__init__(*args)

    def do_GET(self):
        body = gzip.compress(CONTENT) if self.path.startswith("/packed") else CONTENT
        self.send_response(200)
        if self.path.startswith("/packed"):
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if "cut" in self.path else body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def url():
    with served("", _Handler) as address:
        yield address


@pytest.mark.parametrize("path", ["plain", "packed"])
def test_content_comes_as_it_is_also_where_the_server_packs_it(url, path):
    assert fetch.download(f"{url}/{path}", sha256=hashlib.sha256(CONTENT).hexdigest()) == CONTENT


@pytest.mark.parametrize("path", ["plain_cut", "packed_cut"])
def test_a_broken_connection_is_an_os_error(url, path):
    with pytest.raises(OSError, match="broke off"):
        fetch.download(f"{url}/{path}")


def test_other_content_is_refused(url):
    with pytest.raises(UserError, match=r"plain is truncated, changed or of another version \(its sha256 is"):
        fetch.download(f"{url}/plain", sha256="0" * 64)


@pytest.mark.parametrize("path", ["plain", "packed"])
def test_what_is_larger_than_a_file_may_be_is_refused_before_its_hash(url, path, monkeypatch):
    monkeypatch.setattr(fetch.limits, "file_bytes", lambda: len(CONTENT) - 1)
    with pytest.raises(UserError, match=rf"{path} has 0 MiB, more than the 0 MiB .* raise \$PEGASUS_FILE_LIMIT_MIB"):
        fetch.download(f"{url}/{path}", sha256="0" * 64)
