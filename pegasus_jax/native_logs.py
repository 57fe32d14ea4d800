"""What native libraries write to standard error past Python: kept from users who have not asked for it.

MediaPipe's and TensorFlow Lite's remarks cannot be switched off, only led away, and come when a model is opened.
"""

import contextlib
import os
import sys
from collections.abc import Iterator

_shown = False


def show() -> None:
    """Makes `hidden` hide nothing from now on."""
    global _shown
    _shown = True


@contextlib.contextmanager
def hidden() -> Iterator[None]:
    """Leads the process's standard error nowhere for as long as the block lasts; what it raises is raised."""
    if _shown:
        yield
        return
    sys.stderr.flush()
    try:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # a process without a standard error has nothing to hide
        yield
        return
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
        sys.stderr.flush()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
