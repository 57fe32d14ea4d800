"""Who may open the viewer: by the rule, and by a real server and real connections."""

import urllib.request

import pytest

from pegasus_jax.viewer.origins import is_own_page, only_own_pages


@pytest.mark.parametrize(
    "origin, host, expected",
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://localhost:9000", "localhost:9000", True),  # ssh -L 9000:localhost:8080
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://192.168.1.5:8080", "192.168.1.5:8080", True),
        (None, "127.0.0.1:8080", True),  # no browser
        ("https://evil.example", "127.0.0.1:8080", False),
        ("http://evil.example:8080", "evil.example:8080", False),  # a name that was made to point here
        ("http://127.0.0.1:3000", "127.0.0.1:8080", False),  # another server on this machine
        ("null", "127.0.0.1:8080", False),  # a sandboxed frame, or a file
        ("file://127.0.0.1:8080", "127.0.0.1:8080", False),
        ("", "", False),
        ("http://127.0.0.1:8080", None, False),
    ],
)
def test_only_the_viewers_own_page_may_connect(origin, host, expected):
    assert is_own_page(origin, host) is expected


def test_a_running_server_refuses_foreign_pages_and_survives_nonsense():
    viser = pytest.importorskip("viser")
    client = pytest.importorskip("websockets.sync.client")
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    with only_own_pages():
        server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
    try:
        here = f"127.0.0.1:{server.get_port()}"

        def connect(origin):
            protocol = [f"viser-v{viser.__version__}"]
            return client.connect(f"ws://{here}", origin=origin, subprotocols=protocol, compression=None)

        for foreign in ("https://evil.example", "http://127.0.0.1:1", "null"):
            with pytest.raises(InvalidStatus, match="403"):
                connect(foreign)
        for nonsense in (b"\xff\x00 nonsense", "text", b""):
            with connect(f"http://{here}") as connection, pytest.raises((ConnectionClosed, TimeoutError)):
                connection.send(nonsense)
                while True:
                    connection.recv(timeout=2.0)
        with connect(f"http://{here}") as connection:
            assert connection.recv(timeout=10.0)
        with urllib.request.urlopen(f"http://{here}/") as page:
            assert b"<html" in page.read().lower()
    finally:
        server.stop()
    assert "partial" not in repr(__import__("websockets.asyncio.server").asyncio.server.serve), "put back afterwards"
