"""Who may open the viewer. viser takes anybody's word: any page on the internet, any user of this machine.

A token stands in the printed address; the page that is opened by it gets a cookie, by which its websocket is known. A
browser names the page that opens a websocket in the header `Origin`. It has to be this server's own page, at an address
or a name that nobody else's page can have: an attacker's name may point at 127.0.0.1; addresses are what they are.
"""

import contextlib
import dataclasses
import functools
import hashlib
import hmac
import html
import http
import http.cookies
import ipaddress
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

MOST_CLIENTS = 16
_LARGEST_MESSAGE = 2**18  # bytes that a client may send at once; its camera and its controls take hundreds
_MESSAGES_A_SECOND, _MESSAGES_AT_ONCE = 500.0, 3000.0  # a mouse that turns the head sends 60 to 240
_UPLOAD = b"FileTransfer"  # in the names of viser's messages that bring files: nobody here asks for one
_FOREIGN_PAGE = "Another page may not open the viewer: open the viewer's own address."
_NO_TOKEN = (
    "The viewer's address ends in ?token=…; it was printed where the viewer was started: open that address, or start "
    'the viewer with --token="" to let everybody in who can reach it.'
)
_FULL = f"There are {MOST_CLIENTS} pages of this viewer open; close one of them, then load this page again."
_PAGE = "<!doctype html><meta charset=utf-8><title>PEGASUS-JAX</title><p style='font:16px sans-serif'>{}</p>\n"


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(18)


@dataclasses.dataclass
class Door:
    """What is asked of whoever connects."""

    token: str  # "": nothing is asked
    allowed: tuple[str, ...] = ()  # names by which browsers may call this server, besides localhost and addresses
    clients: int = 0  # open websockets

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the token: another one for each viewer, as ports share their cookies."""
        return f"pegasus_{hashlib.sha256(self.token.encode()).hexdigest()[:12]}"

    def refusal(self, path: str, headers: Any) -> tuple[http.HTTPStatus, str] | None:
        """Why a request is refused, in a sentence; None if it is not."""
        host, is_websocket = headers.get("Host"), headers.get("Upgrade") is not None
        name = urlsplit(f"//{host}").hostname if host else None
        if not self._is_ours(name):
            return http.HTTPStatus.FORBIDDEN, (
                f"This viewer does not know itself by the name {name!r}: open it by localhost or its address, or start "
                f"it with --allow_origin={name}."
            )
        if is_websocket and not self.is_own_page(headers.get("Origin"), host):
            return http.HTTPStatus.FORBIDDEN, _FOREIGN_PAGE
        if not self._has_token(path, headers):
            return http.HTTPStatus.FORBIDDEN, _NO_TOKEN
        if is_websocket and self.clients >= MOST_CLIENTS:
            return http.HTTPStatus.SERVICE_UNAVAILABLE, _FULL
        return None

    def is_own_page(self, origin: str | None, host: str | None) -> bool:
        """Whether a websocket's `Origin` is the page that the server at `Host` sent; no browser leaves it out."""
        if origin is None:
            return True
        page = urlsplit(origin)
        return page.scheme in ("http", "https") and page.netloc == host and self._is_ours(page.hostname)

    def _is_ours(self, name: str | None) -> bool:
        if name in ("localhost", socket.gethostname().lower(), *self.allowed):
            return True
        try:
            return bool(ipaddress.ip_address(name or ""))
        except ValueError:
            return False

    def _has_token(self, path: str, headers: Any) -> bool:
        cookies: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
        with contextlib.suppress(http.cookies.CookieError):
            cookies.load(headers.get("Cookie", ""))
        given = parse_qs(urlsplit(path).query).get("token", [])
        if self.cookie in cookies:
            given.append(cookies[self.cookie].value)
        return not self.token or any(hmac.compare_digest(one.encode(), self.token.encode()) for one in given)


@contextlib.contextmanager
def guarded(door: Door) -> Iterator[None]:
    """Servers that viser starts within the block let in whom the door lets in, and bound what they send.

    viser 1.1 starts its server by `websockets.asyncio.server.serve(handler, …, process_request=…)`, and waits until it
    runs.
    """
    import websockets.asyncio.server as module

    with mock.patch.object(module, "serve", functools.partial(_serve, module.serve, door)):
        yield


def _serve(serve: Callable, door: Door, handler: Callable, *arguments: Any, process_request: Callable, **options: Any):
    def checked(connection, request):
        refusal = door.refusal(request.path, request.headers)
        if refusal is not None:
            status, sentence = refusal
            response = connection.respond(status, _PAGE.format(html.escape(sentence)))
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "text/html; charset=utf-8"
            return response
        response = process_request(connection, request)
        if response is not None and door.token:
            response.headers["Set-Cookie"] = f"{door.cookie}={door.token}; HttpOnly; SameSite=Strict; Path=/"
        return response

    async def bounded(connection):
        door.clients += 1
        connection.recv = _Listening(connection)
        try:
            await handler(connection)
        finally:
            door.clients -= 1

    options["max_size"] = _LARGEST_MESSAGE
    return serve(bounded, *arguments, process_request=checked, **options)


class _Listening:
    """A connection's `recv` that ends it when too much comes, or a file."""

    def __init__(self, connection: Any):
        self._connection, self._recv = connection, connection.recv
        self._left, self._since = _MESSAGES_AT_ONCE, time.monotonic()

    async def __call__(self) -> bytes | str:
        message = await self._recv()
        now = time.monotonic()
        self._left = min(self._left + (now - self._since) * _MESSAGES_A_SECOND, _MESSAGES_AT_ONCE) - 1.0
        self._since = now
        if self._left < 0.0:
            await self._refuse("too many messages")
        if isinstance(message, bytes) and _UPLOAD in message:
            await self._refuse("nobody asked for a file")
        return message

    async def _refuse(self, reason: str) -> None:
        await self._connection.close(1008, reason)
        await self._recv()  # raises ConnectionClosed, as viser expects of a connection that ends
