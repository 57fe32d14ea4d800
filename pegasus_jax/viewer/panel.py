"""The controls of one client, drawn by viser; they write to the client's state and to nothing else."""

import dataclasses
import threading
from collections.abc import Callable

import numpy as np

from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.editing import Look
from pegasus_jax.flame import controls
from pegasus_jax.inference.clip import FPS
from pegasus_jax.inference.look_file import look_json
from pegasus_jax.viewer import looks, saving
from pegasus_jax.viewer.drawing import Drawer
from pegasus_jax.viewer.live import Live
from pegasus_jax.viewer.modes import modes_of
from pegasus_jax.viewer.state import ClientState

_STEP = 0.01


class Panel:
    """Builds the controls of a client and answers them."""

    def __init__(
        self,
        client,  # viser.ClientHandle
        avatar: Avatar,
        state: ClientState,
        drawer: Drawer,
        *,
        motion: Motion | None,
        live: Live | None,
        wear: Callable[[Look], None],
    ):
        """`motion` and `live` are what can be followed; `wear` puts on a look, as soon as it is baked."""
        self._client, self._avatar, self._state, self._drawer = client, avatar, state, drawer
        self._wear, self._motion = wear, motion
        self._busy = threading.Lock()  # with a picture or a video to take home: one at a time
        self._choice = looks.Choice()
        self._head = avatar.head
        gui = client.gui
        self._status = gui.add_markdown("")
        show = gui.add_dropdown("show", modes_of(state.wish.baked), initial_value="colour")
        show.on_update(lambda _: state.change(mode=show.value))
        self._add_looks(gui)
        with gui.add_folder("pose"):
            self._add_sliders(gui, controls.pose_sliders(self._head))
        with gui.add_folder("expression", expand_by_default=False):
            self._add_sliders(gui, controls.expression_sliders(self._head))
        if motion is not None:
            self._add_clip(gui, motion)
        if live is not None:
            self._add_live(gui, live)
        self._add_saving(gui)

    def told(self, size: tuple[int, int], seconds: float) -> None:
        """Shows how large the picture is and how long it took."""
        self._status.content = f"{size[1]} × {size[0]} pixels in {1e3 * seconds:.0f} ms"

    def _add_sliders(self, gui, sliders: tuple[controls.Slider, ...]) -> None:
        for slider in sliders:
            wish = self._state.wish
            handle = gui.add_slider(
                slider.label,
                min=slider.low,
                max=slider.high,
                step=_STEP,
                initial_value=controls.value(slider, wish.params.pose, wish.params.expression),
            )
            handle.on_update(lambda _, handle=handle, slider=slider: self._moved(slider, handle.value))

    def _moved(self, slider: controls.Slider, value: float) -> None:
        self._state.set_numbers(slider.field, slider.indices, float(np.clip(value, slider.low, slider.high)))

    def _add_looks(self, gui) -> None:
        found = looks.choices(self._avatar)
        if not found:
            return
        with gui.add_folder("look"):
            for category, names in found.items():
                look = gui.add_dropdown(category, names, initial_value=looks.FILMED)
                weight = gui.add_slider(f"how much {category}", min=0.0, max=1.0, step=_STEP, initial_value=1.0)
                for handle in (look, weight):
                    handle.on_update(lambda _, c=category, one=look, w=weight: self._chosen(c, one.value, w.value))
            drawn = tuple(category for category, names in found.items() if len(names) > 2)  # FILMED and two looks
            if drawn:
                gui.add_button("draw at random").on_click(lambda _: self._drawn(drawn))

    def _chosen(self, category: str, look: str, weight: float) -> None:
        self._choice = dataclasses.replace(self._choice, worn={**self._choice.worn, category: (look, weight)})
        self._wear(self._look())

    def _drawn(self, categories: tuple[str, ...]) -> None:
        self._choice = dataclasses.replace(self._choice, drawn=categories, number=self._choice.number + 1)
        self._wear(self._look())

    def _add_clip(self, gui, motion: Motion) -> None:
        last = len(motion) - 1
        with gui.add_folder("driving clip"):
            follow = gui.add_checkbox("follow the clip", initial_value=False)
            play = gui.add_checkbox("play", initial_value=False)
            frame = gui.add_slider("seconds", min=0.0, max=max(last / FPS, 1 / FPS), step=1 / FPS, initial_value=0.0)

        def changed(_) -> None:
            index = min(max(round(frame.value * FPS), 0), last)
            self._state.change(frame=index if follow.value or play.value else None)
            self._drawer.play(self._client.client_id, play.value)

        for handle in (follow, play, frame):
            handle.on_update(changed)

    def _add_live(self, gui, live: Live) -> None:
        with gui.add_folder("camera"):
            follow = gui.add_checkbox("follow the camera", initial_value=False)
            gui.add_button("this is my face at rest").on_click(lambda _: live.rest())
            status = gui.add_markdown("")

        def told(drive: FlameParams | None, words: str) -> None:
            status.content = words
            if drive is not None and follow.value:
                self._state.change(live=drive)

        def changed(_) -> None:
            if follow.value:
                return live.follow(self._client.client_id, told)
            live.leave(self._client.client_id)
            status.content = ""
            self._state.change(live=None)

        follow.on_update(changed)

    def _add_saving(self, gui) -> None:
        with gui.add_folder("save", expand_by_default=False):
            gui.add_button("screenshot").on_click(lambda _: self._screenshot())
            gui.add_button("video").on_click(lambda _: self._film())
            gui.add_button("look file").on_click(lambda _: self._look_file())

    def _screenshot(self) -> None:
        wish = self._state.wish
        if wish.view is None or not self._busy.acquire(blocking=False):
            return
        try:
            self._hand_over("avatar.png", saving.screenshot(self._drawer, wish, self._look()))
        finally:
            self._busy.release()

    def _film(self) -> None:
        wish = self._state.wish
        if wish.view is None or not self._busy.acquire(blocking=False):
            return
        try:
            taken = saving.video(self._drawer, wish, self._look(), motion=self._motion, told=self._say)
            self._hand_over("avatar.mp4", taken)
        finally:
            self._busy.release()

    def _say(self, words: str) -> None:
        self._status.content = words

    def _look(self) -> Look:
        return self._choice.look(self._avatar)

    def _look_file(self) -> None:
        text = look_json(self._look(), self._avatar)
        self._hand_over("look.json", text.encode())

    def _hand_over(self, name: str, content: bytes) -> None:
        self._client.send_file_download(name, content, save_immediately=True)
