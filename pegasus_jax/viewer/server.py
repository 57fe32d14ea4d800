"""`launch.py view`: the page, its clients, and what belongs to each."""

import contextlib
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np
import viser

from pegasus_jax import progress
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.editing import Look
from pegasus_jax.inference import clip
from pegasus_jax.inference.load import load
from pegasus_jax.viewer.bakery import Bakery
from pegasus_jax.viewer.door import Door, guarded, new_token
from pegasus_jax.viewer.drawing import Drawer
from pegasus_jax.viewer.live import Live
from pegasus_jax.viewer.panel import Panel
from pegasus_jax.viewer.state import ClientState, Wish
from pegasus_jax.viewer.view import View

_JPEG_QUALITY = 85
_DISTANCE, _FOV = 4.0, 2.0 * np.arctan(0.5 / 2.6)  # as in the pictures of `render`
_MAX_FOV = 2.6  # radians


class _Server(viser.ViserServer):
    """viser's server without its tunnel: any client could ask for one, and it would show the page to the world."""

    def request_share_url(self, verbose: bool = True) -> None:
        """There is none."""
        return None


def view(
    workdir: pathlib.Path,
    *,
    drive: pathlib.Path | None,
    live: str | None,
    host: str,
    port: int,
    image_size: int,
    token: str | None = None,
    allow_origin: Sequence[str] = (),
) -> None:
    """Serves the viewer of an avatar until it is interrupted.

    It can follow the motion of the dataset folder `drive`, and the face before a webcam (`live` is its number) or in a
    video file. Only who knows the token gets in (one is made without it; "" lets everybody in who can reach the port);
    browsers may call the server by an address, localhost, and the names in `allow_origin`.

    Raises:
        UserError: there is no such avatar or video, the dataset folder is not valid, or MediaPipe's model is missing.
    """
    avatar = load(workdir)
    motion = clip.driven(avatar, drive, image_size=image_size) if drive else None
    watched = watch(live, avatar) if live else None
    door = Door(new_token() if token is None else token, tuple(name.lower() for name in allow_origin))
    with serving(avatar, motion=motion, live=watched, host=host, port=port, image_size=image_size, door=door) as server:
        address = f"http://{host}:{server.get_port()}" + (f"/?token={door.token}" if door.token else "")
        progress.note(f"The viewer is at {address} until you press Ctrl-C.")
        while True:
            time.sleep(3600.0)


def watch(source: str, avatar: Avatar) -> Live:
    """The face before webcam number `source`, or in that video file, as what drives an avatar.

    Raises:
        UserError: there is no such file, or MediaPipe's model is missing and cannot be fetched.
    """
    from pegasus_jax.capture.model_files import find_model  # MediaPipe wants libraries that servers may not have
    from pegasus_jax.viewer.cameras import check_source, live_frames
    from pegasus_jax.viewer.performer import Performer

    check_source(source)
    find_model("face_landmarker.task")
    head, expression_c, betas = jax.tree.map(np.asarray, (avatar.head, avatar.expression_c, avatar.betas))
    return Live(lambda: live_frames(source), lambda: Performer(head, expression_c, betas))


@contextlib.contextmanager
def serving(
    avatar: Avatar,
    *,
    motion: Motion | None,
    live: Live | None,
    host: str,
    port: int,
    image_size: int,
    door: Door,
) -> Iterator[viser.ViserServer]:
    """The running server; pictures have `image_size` rows, and the door says who may come in.

    A port that is taken means the next free one.
    """
    first = avatar.bake()
    with guarded(door):
        server = _Server(host=host, port=port, label="PEGASUS-JAX", verbose=False)
    drawer, bakery = Drawer(image_size, motion), Bakery(avatar)
    server.scene.set_up_direction("+y")
    server.gui.configure_theme(control_width="medium", show_logo=False, show_share_button=False)
    server.initial_camera.position = (0.0, 0.0, _DISTANCE)
    server.initial_camera.look_at = (0.0, 0.0, 0.0)
    server.initial_camera.fov = float(_FOV)

    @server.on_client_connect
    def _(client: viser.ClientHandle) -> None:
        neutral = FlameParams(np.asarray(avatar.betas), np.asarray(avatar.expression_c), np.zeros(15, np.float32))
        state = ClientState(Wish(first, neutral), drawer.changed)

        def wear(look: Look) -> None:
            bakery.request(client.client_id, look.latent, lambda baked: state.change(baked=baked))

        panel = Panel(client, avatar, state, drawer, motion=motion, live=live, wear=wear)
        drawer.add(client.client_id, state, _shower(client, panel))
        client.camera.on_update(lambda _: _look_from(client, state))
        _look_from(client, state)

    @server.on_client_disconnect
    def _(client: viser.ClientHandle) -> None:
        drawer.remove(client.client_id)
        bakery.forget(client.client_id)
        if live is not None:
            live.leave(client.client_id)

    try:
        yield server
    finally:
        if live is not None:
            live.stop()
        drawer.stop()
        bakery.close()
        server.stop()


def _shower(client: viser.ClientHandle, panel: Panel) -> Callable[[np.ndarray, float], None]:
    def show(picture: np.ndarray, seconds: float) -> None:
        client.scene.set_background_image(picture, format="jpeg", jpeg_quality=_JPEG_QUALITY)
        panel.told(picture.shape[:2], seconds)

    return show


def _look_from(client: viser.ClientHandle, state: ClientState) -> None:
    """Takes the browser's camera, unless its numbers are no camera: clients can send anything."""
    seen = client.camera
    numbers = np.array([*seen.wxyz, *seen.position, seen.fov, seen.aspect], float)
    if not np.isfinite(numbers).all() or not np.any(numbers[:4]) or not 0.0 < seen.fov < _MAX_FOV or seen.aspect <= 0:
        return
    state.change(view=View(tuple(numbers[:4]), tuple(numbers[4:7]), float(seen.fov), float(seen.aspect)))
