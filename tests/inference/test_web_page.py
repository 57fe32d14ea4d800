"""The exported page in a real browser: Debian's Chromium, led by Playwright."""

import base64
import contextlib
import dataclasses
import functools
import http.server
import io
import os
import pathlib
import random
import re
import shutil
import threading

import av
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from pegasus_jax.core import metrics
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.inference import load
from tests.families.gaussians import small
from tests.inference.test_export import run
from tests.media.said import source_type
from tests.training import tiny

pytestmark = pytest.mark.slow
playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("needs a browser: apt-get install chromium, or name one by $CHROMIUM", allow_module_level=True)

SIDE = 192
FRAMES = 50  # of the clip: two seconds
WAIT = 120_000  # milliseconds
SOFTWARE_GL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def avatar(tmp_path_factory):
    path = tmp_path_factory.mktemp("person") / "me.npz"
    small.avatar(3000).save(path)
    return path


@pytest.fixture(scope="module")
def folder(avatar, tmp_path_factory):
    """The exported folder."""
    place = tmp_path_factory.mktemp("web")
    tiny.write_dataset(place / "clip", num_frames=FRAMES)
    run(f"--workdir={avatar}", f"--drive={place}/clip", f"--out={place}/page", "--kind=web", "--image_size=64")
    return place / "page"


@pytest.fixture(scope="module")
def start():
    """Starts a browser with some options."""
    with playwright.sync_playwright() as one, contextlib.ExitStack() as stack:

        def started(*options: str):
            browser = one.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *options])
            stack.callback(browser.close)
            return browser

        yield started


@pytest.fixture(scope="module")
def browser(start):
    return start(*SOFTWARE_GL)


@pytest.fixture
def open_page(browser):
    """Opens a page without any network, and holds its console to silence."""
    contexts = []

    def opened(address: str, *, silent: bool = True, size: tuple[int, int] = (760, 460)):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, offline=True)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.said, page.asked = [], []
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("console", lambda message: page.said.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: page.asked.append(request.url))
        contexts.append((context, page, silent))
        page.goto(address)
        return page

    yield opened
    for context, page, silent in contexts:
        assert not (silent and page.said), page.said
        context.close()


def ready(page):
    page.wait_for_function("window.pegasusStage && document.getElementById('message').textContent === ''")
    return page


def picture(page) -> np.ndarray:
    """(H, W, 4): what the page would save."""
    encoded = page.evaluate(
        """async () => {
            const bytes = new Uint8Array(await (await pegasusStage.still()).arrayBuffer());
            return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
        }"""
    )
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        return np.asarray(image.convert("RGBA"))


def drawn(page, params: FlameParams, camera: Camera) -> np.ndarray:
    """(SIDE, SIDE, 3) in [0, 1]: a frame from a camera, on the page's canvas."""
    page.evaluate(
        """async ([pose, expression, T_camera_world, intrinsics, side]) => {
            const { avatar } = pegasusStage;
            Object.assign(avatar.canvas, { width: side, height: side });
            await avatar.draw({ pose, expression }, { T_camera_world, intrinsics });
        }""",
        [
            np.asarray(params.pose).tolist(),
            np.asarray(params.expression).tolist(),
            np.asarray(camera.T_camera_world).ravel().tolist(),
            np.asarray(camera.intrinsics).tolist(),
            SIDE,
        ],
    )
    return picture(page)[..., :3] / 255.0


def ten_frames():
    """Frames, and cameras that go round and come closer."""
    expression, pose = small.motions(10, seed=4)
    for number in range(10):
        angle, camera = 0.25 * (number - 4), small.camera(SIDE)
        c, s = np.cos(angle), np.sin(angle)
        T = np.asarray(camera.T_camera_world) @ np.array([[c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, 0], [0, 0, 0, 1]])
        T[2, 3] -= 0.1 * number
        moved = dataclasses.replace(camera, T_camera_world=jnp.asarray(T, jnp.float32))
        yield FlameParams(jnp.zeros(100), jnp.asarray(expression[number]), jnp.asarray(pose[number])), moved


@pytest.mark.parametrize("way", ["webgl", "painted"])
def test_the_page_shows_what_the_avatar_renders(avatar, folder, open_page, way):
    page = ready(open_page(f"file://{folder}/index.html#{way}"))
    assert page.evaluate("pegasusStage.avatar.surface.paints") == (way == "painted")
    ours, found = load(avatar), []
    for params, camera in ten_frames():
        expected = ours.render(params, camera)
        assert float(expected.alpha.mean()) > 0.1
        found.append(float(metrics.psnr(drawn(page, params, camera), expected.image)))
    assert min(found) > 45, found  # lowest of twenty: 52.8 dB by WebGL, whose blending rounds to 8 bits


def test_it_opens_from_a_disk_asks_for_nothing_else_and_paints_where_no_card_is(folder, open_page):
    page = ready(open_page(f"file://{folder}/index.html"))
    asked = {request.rpartition("/")[2] for request in page.asked if not request.startswith(("data:", "blob:"))}
    assert asked == {"index.html", "page.css", "page.js", "avatar.js"}
    assert page.evaluate("pegasusStage.avatar.surface.paints"), "software GL is slower than the painter"
    assert "Synthetic, not a recording: an avatar, me" in page.text_content("#made")
    assert (picture(page)[..., :3] < 200).mean() > 0.05


def test_a_graphics_card_that_comes_back_shows_the_avatar_again(folder, open_page):
    page = ready(open_page(f"file://{folder}/index.html#webgl"))
    before = picture(page)
    page.evaluate(
        """async () => {
            const gl = pegasusStage.avatar.canvas.getContext("webgl2");
            const loss = gl.getExtension("WEBGL_lose_context");
            const heard = (name) =>
                new Promise((resolve) => gl.canvas.addEventListener(`webglcontext${name}`, resolve, { once: true }));
            const lost = heard("lost");
            loss.loseContext();
            await lost;
            await new Promise((resolve) => setTimeout(resolve, 0)); // it may be restored once the event is over
            const restored = heard("restored");
            loss.restoreContext();
            await restored;
            await pegasusStage.show();
        }"""
    )
    assert np.array_equal(picture(page), before)


def changed(page, act) -> float:
    """Mean change of the picture, in levels, by doing something."""
    before = picture(page).astype(float)
    act()
    page.evaluate("pegasusStage.show()")
    return float(np.abs(picture(page) - before).mean())


def test_sliders_fingers_and_buttons_change_the_picture(folder, open_page):
    page = ready(open_page(f"file://{folder}/index.html"))

    def slide(name, value):
        page.locator(f"input[name='{name}']").evaluate(f"(one) => {{ one.value = {value}; one.oninput(); }}")

    assert changed(page, lambda: None) == 0.0
    assert changed(page, lambda: slide("jaw open", 0.5)) > 0.5
    assert changed(page, lambda: slide("mouthSmile", 1.0)) > 0.02
    assert page.evaluate("pegasusStage.sliders.filter((s) => pegasusStage.value(s) === 1).map((s) => s.label)") == [
        "mouthSmileLeft",
        "mouthSmileRight",
    ]
    page.click("summary")
    page.check("#apart")
    assert changed(page, lambda: slide("mouthSmileLeft", 0.0)) > 0.01
    assert changed(page, lambda: page.click("#rest")) > 0.5

    def drag():
        page.mouse.move(200, 200)
        page.mouse.down()
        page.mouse.move(290, 220, steps=3)
        page.mouse.up()

    assert changed(page, drag) > 1.0 and page.evaluate("pegasusStage.view.yaw") > 0.3
    assert changed(page, lambda: page.mouse.wheel(0, -300)) > 1.0 and page.evaluate("pegasusStage.view.zoom") > 1.3
    assert changed(page, lambda: page.click("#front")) > 1.0
    assert changed(page, lambda: page.locator("#colour").fill("#102030")) > 20
    assert picture(page)[0, 0].tolist() == [16, 32, 48, 255]
    page.check("#clear")
    page.evaluate("pegasusStage.show()")
    assert picture(page)[0, 0, 3] == 0
    assert changed(page, lambda: page.locator("#time").evaluate("(one) => { one.value = 7; one.oninput(); }")) > 0.1


def test_the_clip_plays_and_stops(folder, open_page):
    page = ready(open_page(f"file://{folder}/index.html"))
    page.click("#play")
    page.wait_for_function("pegasusStage.frameNumber > 0")
    assert page.text_content("#play") == "stop"
    page.click("#play")
    page.evaluate("pegasusStage.show()")
    here = page.evaluate("pegasusStage.frameNumber")
    page.wait_for_timeout(300)
    assert page.evaluate("pegasusStage.frameNumber") == here and page.text_content("#play") == "play"


def test_what_is_saved_says_that_it_is_synthetic(folder, open_page, tmp_path):
    page = ready(open_page(f"file://{folder}/index.html"))
    for button, name in (("#still", "avatar.png"), ("#film", "avatar.webm")):
        with page.expect_download() as taken:
            page.click(button)
        assert taken.value.suggested_filename == name
        taken.value.save_as(tmp_path / name)
    assert source_type(tmp_path / "avatar.png") == "trainedAlgorithmicMedia"
    with Image.open(tmp_path / "avatar.png") as image:
        image.load()
        assert image.text["Description"].startswith("Synthetic, not a recording: an avatar, me")
    with av.open(str(tmp_path / "avatar.webm")) as video:
        tags = {name.upper(): value for name, value in video.metadata.items()}
        assert tags["COMMENT"].startswith("Synthetic, not a recording")
        assert tags["DIGITAL_SOURCE_TYPE"].endswith("trainedAlgorithmicMedia")
        assert len(list(video.decode(video=0))) >= 2


def test_what_is_wrong_is_a_sentence_in_the_page(folder, open_page, tmp_path):
    def said(name, change):
        place = pathlib.Path(shutil.copytree(folder, tmp_path / name))
        change(place / "avatar.js")
        page = open_page(f"file://{place}/index.html", silent=False)
        page.wait_for_function("!document.getElementById('message').textContent.includes('Opening')")
        return page.text_content("#message")

    text = (folder / "avatar.js").read_text()
    assert "is missing" in said("missing", lambda path: path.unlink())
    assert "damaged" in said("cut", lambda path: path.write_text(text[: len(text) // 2]))
    middle = text.rindex('"', 0, text.rindex('"')) + 2000
    turned = text[:middle] + "".join(reversed(text[middle : middle + 400])) + text[middle + 400 :]
    assert "damaged" in said("turned", lambda path: path.write_text(turned))
    old = text.replace('{"format": 1', '{"format": 0')
    assert "another version" in said("old", lambda path: path.write_text(old))


def test_without_webgl_it_is_painted_or_told(folder, start):
    context = start("--disable-gpu", "--disable-3d-apis").new_context()
    page = context.new_page()
    page.goto(f"file://{folder}/index.html")
    assert (picture(ready(page))[..., :3] < 200).mean() > 0.05
    page = context.new_page()
    page.goto(f"file://{folder}/index.html#webgl")
    page.wait_for_function("document.getElementById('message').textContent.includes('no WebGL2')")


@pytest.fixture
def served(folder):
    """Address of a server of the folder and of a page that embeds it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_page_of_one_s_own_shows_it_by_the_five_functions(folder, served, browser):
    names = re.findall(r"as (\w+)", (folder / "embed.js").read_text().rpartition("export{")[2])
    assert sorted(names) == ["move", "openAvatar", "play", "still", "turn"]
    (folder.parent / "own.html").write_text('<canvas id="mine" width="200" height="160"></canvas>')
    page = browser.new_page()
    page.goto(f"{served}/own.html")
    sizes = page.evaluate(
        """async () => {
            const { openAvatar, move, turn, play, still } = await import("./page/embed.js");
            const avatar = await openAvatar(document.getElementById("mine"), "./page/");
            const sizes = [];
            const take = async () => sizes.push((await still(avatar)).size);
            await take();
            await move(avatar, { "jaw open": 0.5, nonsense: 3, blink: NaN });
            await take();
            await turn(avatar, { yaw: 0.5, zoom: 1.5 });
            await take();
            play(avatar, true);
            await new Promise((resolve) => setTimeout(resolve, 200));
            play(avatar, false);
            await take();
            avatar.close();
            return sizes;
        }"""
    )
    assert len(set(sizes)) == 4 and min(sizes) > 3000


def test_a_while_of_random_use_leaves_memory_bounded(folder, open_page):
    page = ready(open_page(f"file://{folder}/index.html"))
    rng, session = random.Random(0), page.context.new_cdp_session(page)

    def use(times):
        for _ in range(times):
            page.evaluate(
                "([value, yaw, frame]) => { pegasusStage.move({ 'jaw open': value }); pegasusStage.turn({ yaw });"
                " return pegasusStage.showFrame(frame); }",
                [rng.random(), rng.uniform(-1, 1), rng.randrange(10)],
            )
        session.send("HeapProfiler.collectGarbage")
        return session.send("Runtime.getHeapUsage")["usedSize"]

    before = use(30)
    assert use(300) < before + 2e6
