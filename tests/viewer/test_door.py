"""Who may open the viewer: by the rule, and by a real server and real connections."""

import contextlib
import urllib.error
import urllib.request

import pytest

from pegasus_jax.viewer import door as door_module
from pegasus_jax.viewer.door import Door, guarded

HERE = {"Host": "127.0.0.1:8080"}
UPGRADE = {**HERE, "Upgrade": "websocket"}


@pytest.mark.parametrize(
    "origin, host, expected",
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://localhost:9000", "localhost:9000", True),  # ssh -L 9000:localhost:8080
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://192.168.1.5:8080", "192.168.1.5:8080", True),
        ("https://demo.example", "demo.example", True),  # which is allowed
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
    assert Door("", ("demo.example",)).is_own_page(origin, host) is expected


@pytest.mark.parametrize(
    ("path", "headers", "sentence"),
    [
        ("/?token=abc", HERE, None),
        ("/", HERE, "address ends in"),
        ("/?token=abd", HERE, "address ends in"),
        ("/?token=%00%ff", HERE, "address ends in"),
        ("/", {**HERE, "Cookie": "{cookie}=abc; other=1"}, None),
        ("/", {**HERE, "Cookie": "{cookie}=x"}, "address ends in"),
        ("/", {**HERE, "Cookie": "=;=\0"}, "address ends in"),
        ("/", UPGRADE, "address ends in"),  # any user of the machine
        ("/", {**UPGRADE, "Cookie": "{cookie}=abc", "Origin": "http://127.0.0.1:8080"}, None),
        ("/", {**UPGRADE, "Cookie": "{cookie}=abc", "Origin": "https://evil.example"}, "Another page"),
        ("/?token=abc", {"Host": "evil.example"}, r"--allow_origin=evil\.example"),
        ("/?token=abc", {"Host": "demo.example:80"}, None),
        ("/?token=abc", {}, "does not know itself"),
    ],
)
def test_who_has_no_token_and_by_which_name_is_told_why(path, headers, sentence):
    door = Door("abc", ("demo.example",))
    headers = {name: value.replace("{cookie}", door.cookie) for name, value in headers.items()}
    refusal = door.refusal(path, headers)
    if sentence is None:
        assert refusal is None
    else:
        assert refusal is not None and refusal[0] == 403
        pytest.raises(ValueError, _raise, refusal[1]).match(sentence)


def _raise(text):
    raise ValueError(text)


def test_without_a_token_nothing_is_asked_and_clients_are_bounded():
    door = Door("", clients=door_module.MOST_CLIENTS)
    assert door.refusal("/", HERE) is None
    refusal = door.refusal("/", UPGRADE)
    assert refusal is not None and refusal[0] == 503 and "16 pages of this viewer" in refusal[1]


@contextlib.contextmanager
def running(door):
    """A server of viser behind the door, and what connects to it."""
    viser = pytest.importorskip("viser")
    client = pytest.importorskip("websockets.sync.client")
    with guarded(door):
        server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
    try:
        here = f"127.0.0.1:{server.get_port()}"

        def connect(origin, **headers):
            protocol = [f"viser-v{viser.__version__}"]
            options = {"subprotocols": protocol, "compression": None, "additional_headers": headers}
            return client.connect(f"ws://{here}", origin=origin, **options)

        yield here, connect
    finally:
        server.stop()


def _exceptions():
    """What websockets raises of a connection that ends, and of one that is refused."""
    exceptions = pytest.importorskip("websockets.exceptions", reason="needs viser: pip install -e '.[viewer]'")
    return exceptions.ConnectionClosed, exceptions.InvalidStatus


def test_a_running_server_refuses_foreign_pages_and_survives_nonsense():
    closed, refused = _exceptions()
    with running(Door("")) as (here, connect):
        for foreign in ("https://evil.example", "http://127.0.0.1:1", "null"):
            with pytest.raises(refused, match="403"):
                connect(foreign)
        for nonsense in (b"\xff\x00 nonsense", "text", b""):
            with connect(f"http://{here}") as connection, pytest.raises((closed, TimeoutError)):
                connection.send(nonsense)
                while True:
                    connection.recv(timeout=2.0)
        with connect(f"http://{here}") as connection:
            assert connection.recv(timeout=10.0)
        with urllib.request.urlopen(f"http://{here}/") as page:
            assert b"<html" in page.read().lower()
    assert "partial" not in repr(__import__("websockets.asyncio.server").asyncio.server.serve), "put back afterwards"


def test_a_page_with_the_token_gets_a_cookie_by_which_its_websocket_is_known():
    _, unwelcome = _exceptions()
    door = Door("secret")
    with running(door) as (here, connect):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{here}/")
        assert refused.value.code == 403 and refused.value.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "address ends in ?token=" in refused.value.read().decode()
        with pytest.raises(unwelcome, match="403"):
            connect(None)
        with urllib.request.urlopen(f"http://{here}/?token=secret") as page:
            cookie = page.headers["Set-Cookie"]
            assert b"<html" in page.read().lower()
        assert cookie == f"{door.cookie}=secret; HttpOnly; SameSite=Strict; Path=/"
        with connect(f"http://{here}", Cookie=cookie.partition(";")[0]) as connection:
            assert connection.recv(timeout=10.0) and door.clients == 1
        with connect(None, Cookie=f"{door.cookie}=secret") as connection:
            assert connection.recv(timeout=10.0)


@pytest.mark.parametrize("what", ["a file", "a flood", "a large message"])
def test_who_sends_what_nobody_asked_for_is_put_out(what, monkeypatch):
    msgspec = pytest.importorskip("msgspec")
    from websockets.exceptions import ConnectionClosed

    monkeypatch.setattr(door_module, "_MESSAGES_AT_ONCE", 20.0)
    content = {"type": "FileTransferStartUpload", "source_component_uuid": "x", "transfer_uuid": "y"}
    if what != "a file":
        content = {"type": "GuiUpdateMessage", "uuid": "x" * (2**18 if what == "a large message" else 1), "updates": {}}
    with running(Door("")) as (here, connect):
        with connect(f"http://{here}") as connection, pytest.raises(ConnectionClosed) as closed:
            for _ in range(1 if what != "a flood" else 2000):
                connection.send(msgspec.msgpack.encode(content))
            while True:
                connection.recv(timeout=10.0)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == (1009 if what == "a large message" else 1008)
        with connect(f"http://{here}") as connection:
            assert connection.recv(timeout=10.0), "the others go on"
