"""Who may open a connection. viser takes any page's word: a page on the internet could drive a viewer on 127.0.0.1.

A browser names the page that opens a websocket in the header `Origin`. It has to be this server's own page, at an
address or a name that nobody else's page can have: an attacker's name may point at 127.0.0.1; addresses are what they
are.
"""

import contextlib
import functools
import http
import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

_FORBIDDEN = "This page may not open the viewer: open the viewer's own address.\n"


def is_own_page(origin: str | None, host: str | None) -> bool:
    """Whether a websocket's `Origin` is the page that the server at `Host` sent; no browser leaves it out."""
    if origin is None:
        return True
    page = urlsplit(origin)
    return page.scheme in ("http", "https") and page.netloc == host and _is_ours(page.hostname)


def _is_ours(name: str | None) -> bool:
    if name in ("localhost", socket.gethostname().lower()):
        return True
    try:
        return bool(ipaddress.ip_address(name or ""))
    except ValueError:
        return False


@contextlib.contextmanager
def only_own_pages() -> Iterator[None]:
    """Servers that viser starts within the block refuse other pages' connections with status 403.

    viser 1.1 starts its server by `websockets.asyncio.server.serve(…, process_request=…)`, and waits until it runs.
    """
    import websockets.asyncio.server as module

    with mock.patch.object(module, "serve", functools.partial(_serve, module.serve)):
        yield


def _serve(serve: Callable, *arguments: Any, process_request: Callable, **options: Any):
    def checked(connection, request):
        headers = request.headers
        if headers.get("Upgrade") is not None and not is_own_page(headers.get("Origin"), headers.get("Host")):
            return connection.respond(http.HTTPStatus.FORBIDDEN, _FORBIDDEN)
        return process_request(connection, request)

    return serve(*arguments, process_request=checked, **options)
