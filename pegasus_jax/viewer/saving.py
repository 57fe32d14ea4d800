"""What a client can take home: a picture or a video of what it sees, and its look."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

from pegasus_jax import media
from pegasus_jax.core.motion import Motion
from pegasus_jax.editing import Look
from pegasus_jax.inference.clip import FPS, ORBIT_FRAMES, ORBIT_REACH
from pegasus_jax.viewer.drawing import Drawer
from pegasus_jax.viewer.state import Wish
from pegasus_jax.viewer.view import swung, unstretched


def screenshot(drawer: Drawer, wish: Wish, look: Look) -> bytes:
    """A PNG of a wish that has a view."""
    picture = drawer.picture(_square(wish, drawer.height), drawer.height)
    return media.encode_image(picture, ".png", disclosure=media.rendered(look.how))


def video(drawer: Drawer, wish: Wish, look: Look, *, motion: Motion | None, told: Callable[[str], None]) -> bytes:
    """An MP4: the driving clip from this view if the wish follows it, else a camera that swings round the head.

    `told` hears in words how far it is.
    """
    wish = _square(wish, drawer.height)
    wishes = list(_clip(wish, motion) if wish.frame is not None and motion is not None else _orbit(wish))

    def frames() -> Iterator[np.ndarray]:
        for number, one in enumerate(wishes, 1):
            told(f"filming: {number} of {len(wishes)} frames")
            yield drawer.picture(one, drawer.height)

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "avatar.mp4"
        media.write_video(path, frames(), fps=FPS, disclosure=media.rendered(look.how))
        return path.read_bytes()


def _square(wish: Wish, height: int) -> Wish:
    assert wish.view is not None
    return dataclasses.replace(wish, view=unstretched(wish.view, height))


def _clip(wish: Wish, motion: Motion) -> Iterator[Wish]:
    for frame in range(len(motion)):
        yield dataclasses.replace(wish, frame=frame, live=None)


def _orbit(wish: Wish) -> Iterator[Wish]:
    assert wish.view is not None
    for angle in ORBIT_REACH * np.sin(np.linspace(0.0, 2.0 * np.pi, ORBIT_FRAMES)):
        yield dataclasses.replace(wish, view=swung(wish.view, float(angle)))
