"""A tiny stand-in for the published files, and a server for them."""

import contextlib
import functools
import hashlib
import http.server
import threading

FILES = {"generic_neutral_mesh.obj": b"v 0 0 0\n", "vertex_indices.json": b"{}"}
HASHES = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder, handler=_Quiet):
    """Yields the URL at which a local server gives the files of `folder`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
