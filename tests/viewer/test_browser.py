"""The viewer in a real browser: Debian's chromium, led by Playwright."""

import contextlib
import itertools
import random
import resource
import shutil
import time

import numpy as np
import pytest

from pegasus_jax import media
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.inference import clip, load
from pegasus_jax.viewer.door import Door
from pegasus_jax.viewer.live import Live
from tests.inference.untrained import write_run
from tests.media.said import source_type

pytestmark = pytest.mark.slow
pytest.importorskip("viser", reason="needs viser: pip install -e '.[viewer]'")
playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("needs a browser: apt-get install chromium", allow_module_level=True)

PICTURE = {"x": 0, "y": 120, "width": 480, "height": 420}  # left of the controls, below viser's notices
WAIT = 60_000  # milliseconds
ROUNDING = 0.3  # grey levels, on average, by which two drawings of one thing differ in a browser
DARK = 40  # levels by which a picture of the head differs from an empty page


def camera():
    for number in itertools.count():
        time.sleep(0.1)
        yield np.zeros((2, 2, 3), np.uint8), 0.1 * number


class Turner:
    """A face that is turned to the side."""

    status = "10.0 frames/s"

    def rest(self):
        raise AssertionError("nobody asks")

    def see(self, image, seconds):
        pose = np.zeros(15, np.float32)
        pose[4] = 0.6
        return FlameParams(np.zeros(100, np.float32), np.zeros(50, np.float32), pose)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    from pegasus_jax.viewer.server import serving

    folders = write_run(tmp_path_factory.mktemp("viewer"))
    motion = clip.driven(load(folders.run), folders.data, image_size=64)
    live = Live(camera, lambda: contextlib.nullcontext(Turner()))
    door = Door("secret")
    options = {"motion": motion, "live": live, "host": "127.0.0.1", "port": 8300, "image_size": 128, "door": door}
    with serving(load(folders.run), **options) as server:
        yield f"http://127.0.0.1:{server.get_port()}/?token={door.token}"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, address):
    """Opens the viewer and waits for its picture; what its console called an error is in `errors`."""
    pages = []

    def opened():
        page = browser.new_page(viewport={"width": 900, "height": 600})
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.goto(address)
        notice = page.get_by_text("Software WebGL")
        notice.locator("xpath=ancestor::*[.//button][1]").locator("button").click(timeout=WAIT)
        notice.wait_for(state="hidden", timeout=WAIT)
        wait_until(page, lambda: picture(page).min() < 255 - DARK)
        settle(page)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()


def picture(page) -> np.ndarray:
    import cv2

    encoded = np.frombuffer(page.screenshot(clip=PICTURE), np.uint8)
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR).astype(int)


def wait_until(page, condition) -> None:
    for _ in range(WAIT // 250):
        if condition():
            return
        page.wait_for_timeout(250)
    raise AssertionError("it never came")


def settle(page) -> np.ndarray:
    """The picture once it stays as it is."""
    last = picture(page)
    for _ in range(40):
        page.wait_for_timeout(700)
        now = picture(page)
        if np.array_equal(now, last):
            return now
        last = now
    raise AssertionError("the picture never rests")


def set_number(page, label: str, value: float) -> None:
    """Types into the field beside a slider."""
    field = page.get_by_text(label, exact=True).locator("xpath=ancestor::*[.//input][1]").locator("input").last
    field.fill(str(value))
    field.press("Enter")


def tick(page, label: str) -> None:
    page.get_by_text(label, exact=True).locator("xpath=ancestor::*[.//input][1]").locator("input").click(force=True)


def changed(before, after) -> float:
    return float(np.abs(before - after).mean())


def test_controls_change_the_picture_and_no_other_client_is_disturbed(open_page):
    one, two = open_page(), open_page()
    first, other = settle(one), settle(two)
    set_number(one, "head left and right", 0.6)
    wait_until(one, lambda: changed(first, picture(one)) > 1.0)
    turned = settle(one)
    one.get_by_label("hair", exact=True).first.click()
    one.get_by_role("option", name="hair/ada").click()
    wait_until(one, lambda: changed(turned, picture(one)) > 0.2)
    one.get_by_label("show", exact=True).first.click()
    one.get_by_role("option", name="normals").click()
    worn = settle(one)
    assert changed(worn, turned) > 1.0
    assert changed(settle(two), other) < 0.05
    assert one.errors == [] and two.errors == []


def test_a_client_follows_the_camera_while_another_does_not(open_page):
    one, two = open_page(), open_page()
    first, other = settle(one), settle(two)
    tick(one, "follow the camera")
    wait_until(one, lambda: changed(first, picture(one)) > 1.0)
    one.get_by_text("10.0 frames/s").wait_for(timeout=WAIT)
    tick(one, "follow the camera")
    wait_until(one, lambda: changed(first, picture(one)) < ROUNDING)
    assert changed(settle(two), other) < ROUNDING
    assert one.errors == [] and two.errors == []


def test_what_is_seen_can_be_taken_home(open_page, tmp_path):
    page = open_page()
    page.get_by_text("save", exact=True).click()
    for button, name in (("screenshot", "avatar.png"), ("video", "avatar.mp4"), ("look file", "look.json")):
        with page.expect_download(timeout=WAIT) as download:
            page.get_by_role("button", name=button, exact=True).click()
        download.value.save_as(tmp_path / name)
        assert download.value.suggested_filename == name
    assert source_type(tmp_path / "avatar.png") == source_type(tmp_path / "avatar.mp4") == "trainedAlgorithmicMedia"
    assert len(media.read_video(tmp_path / "avatar.mp4")[0]) == clip.ORBIT_FRAMES
    assert page.errors == []


def test_two_hundred_random_moves_leave_it_alive_with_bounded_memory(open_page):
    page = open_page()
    rng = random.Random(0)
    labels = ["jaw open", "head up and down", "head left and right", "eyes left and right", "how much hair"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        if rng.random() < 0.5:
            set_number(page, rng.choice(labels), round(rng.uniform(0.0, 0.5), 2))
        else:
            page.mouse.move(240, 300)
            page.mouse.down()
            page.mouse.move(240 + rng.randint(-60, 60), 300 + rng.randint(-40, 40), steps=2)
            page.mouse.up()
    settle(page)
    assert page.errors == []
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 400_000, "kilobytes"
    assert open_page(), "another client still gets in"
