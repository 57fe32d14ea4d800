"""The thread that draws for all clients: coarse while something moves, fine when it rests."""

import dataclasses
import threading
import time
from collections.abc import Callable

import numpy as np

from pegasus_jax import progress
from pegasus_jax.core.motion import Motion
from pegasus_jax.inference.clip import FPS
from pegasus_jax.viewer import modes
from pegasus_jax.viewer.state import ClientState, Wish
from pegasus_jax.viewer.view import camera, image_size

_REST = 0.25  # seconds without a change after which the fine picture is drawn
_COARSE = 2  # times fewer rows


@dataclasses.dataclass
class _Screen:
    state: ClientState
    show: Callable[[np.ndarray, float], None]  # picture (H, W, 3) uint8, seconds that it took
    drawn: Wish | None = None
    fine: bool = False
    playing_since: tuple[float, int] | None = None  # when, and at which frame


class Drawer:
    """Draws what clients wish, in turns."""

    def __init__(self, height: int, motion: Motion | None):
        """`height` of the fine picture in pixels; `motion` is the driving clip, if there is one."""
        self.height = height
        self._motion = motion
        self._screens: dict[int, _Screen] = {}
        self._wake = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="drawer", daemon=True)
        self._thread.start()

    def add(self, client: int, state: ClientState, show: Callable[[np.ndarray, float], None]) -> None:
        """Draws for a client from now on."""
        with self._wake:
            self._screens[client] = _Screen(state, show)
            self._wake.notify()

    def remove(self, client: int) -> None:
        """Draws no more for a client."""
        with self._wake:
            self._screens.pop(client, None)

    def changed(self) -> None:
        """Some client's wish has changed."""
        with self._wake:
            self._wake.notify()

    def play(self, client: int, playing: bool) -> None:
        """Lets the driving clip run for a client, or holds it."""
        with self._wake:
            screen = self._screens.get(client)
            if screen is not None:
                frame = screen.state.wish.frame or 0
                screen.playing_since = (time.monotonic(), frame) if playing else None
            self._wake.notify()

    def stop(self) -> None:
        """Ends the thread."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self._thread.join(timeout=10.0)

    def picture(self, wish: Wish, height: int) -> np.ndarray:
        """(H, W, 3) uint8 of a wish that has a view."""
        assert wish.view is not None
        params = wish.params
        if wish.live is not None:
            params = wish.live
        elif wish.frame is not None and self._motion is not None:
            params = self._motion.params.frames(wish.frame)
        seen = camera(wish.view, image_size(wish.view.aspect, height))
        return modes.draw(wish.baked, params, seen, mode=wish.mode)

    def _run(self) -> None:
        while not self._stopped:
            with self._wake:
                screens = list(self._screens.values())
            busy = [self._serve(screen) for screen in screens]
            with self._wake:
                if not self._stopped and not any(busy):
                    self._wake.wait(timeout=0.02 if any(map(_is_pending, screens)) else 1.0)

    def _serve(self, screen: _Screen) -> bool:
        """Draws a client's picture if there is something new; whether it did."""
        self._advance(screen)
        wish, moving = screen.state.wish, time.monotonic() - screen.state.time < _REST
        if wish.view is None or (wish is screen.drawn and (screen.fine or moving)):
            return False
        fine = wish is screen.drawn or not moving
        start = time.perf_counter()
        try:
            picture = self.picture(wish, self.height if fine else self.height // _COARSE)
            screen.show(picture, time.perf_counter() - start)
        except Exception as error:  # one client's trouble, such as a connection that is gone, is not the others'
            progress.note(f"viewer: a picture was not shown ({error}).")
        screen.drawn, screen.fine = wish, fine
        return True

    def _advance(self, screen: _Screen) -> None:
        if screen.playing_since is None or self._motion is None:
            return
        since, first = screen.playing_since
        frame = (first + int((time.monotonic() - since) * FPS)) % len(self._motion)
        if frame != screen.state.wish.frame:
            screen.state.change(frame=frame)


def _is_pending(screen: _Screen) -> bool:
    """Whether something is to be done soon without anybody's asking."""
    return screen.playing_since is not None or (screen.state.wish.view is not None and not screen.fine)
