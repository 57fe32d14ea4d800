"""`docs/viewer.png`: the viewer of a finished demo's avatar in a headless browser.

    python launch.py demo --workdir=runs/demo
    python benchmarks/viewer_screenshot.py --demo=runs/demo

Needs the extra `viewer`, `pip install playwright`, and a chromium (`apt-get install chromium`).
"""

import argparse
import pathlib
import shutil

from playwright.sync_api import Page, sync_playwright

from pegasus_jax import atomic, media
from pegasus_jax.inference import clip, load
from pegasus_jax.media.marks import mark_png
from pegasus_jax.viewer.door import Door
from pegasus_jax.viewer.server import serving

_OUT = pathlib.Path(__file__).parents[1] / "docs" / "viewer.png"
_WIDTH, _HEIGHT = 1080, 675  # pixels of the page
_SETTLED = 20_000  # milliseconds after which the look is baked and the fine picture has come
_WITHOUT_GPU = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def main() -> None:
    """Takes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=pathlib.Path, required=True, help="the demo's work folder")
    parser.add_argument("--settled", type=int, default=_SETTLED, help="milliseconds to wait for the fine picture")
    arguments = parser.parse_args()
    avatar = load(arguments.demo / "runs" / "ben")
    motion = clip.driven(avatar, arguments.demo / "data" / "ben", image_size=_HEIGHT)
    where = {"host": "127.0.0.1", "port": 8090}
    with (
        serving(avatar, motion=motion, live=None, **where, image_size=_HEIGHT, door=Door("")) as server,
        sync_playwright() as started,
    ):
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=_WITHOUT_GPU)
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        page.goto(f"http://127.0.0.1:{server.get_port()}")
        page.get_by_text("head left and right", exact=True).wait_for(timeout=60_000)
        page.get_by_text("Software WebGL").locator("xpath=ancestor::*[.//button][1]").locator("button").click()
        _choose(page, "hair", "hair/cleo")
        _set(page, "head left and right", 0.2)
        _move_aside(page)
        page.wait_for_timeout(arguments.settled)
        _set(page, "jaw open", 0.1)  # drawn once more: the time of the first picture is that of compiling
        page.wait_for_timeout(arguments.settled)
        png = page.screenshot()
        browser.close()
    with atomic.file(_OUT) as temporary:
        temporary.write_bytes(mark_png(png, media.rendered("hair/cleo on ben, in the viewer")))


def _choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).first.click()
    page.get_by_role("option", name=option).click()


def _move_aside(page: Page) -> None:
    """Drags the head out from under the controls, by the right button."""
    page.mouse.move(500, 400)
    page.mouse.down(button="right")
    page.mouse.move(340, 430, steps=8)
    page.mouse.up(button="right")


def _set(page: Page, label: str, value: float) -> None:
    """Types into the field beside a slider."""
    field = page.get_by_text(label, exact=True).locator("xpath=ancestor::*[.//input][1]").locator("input").last
    field.fill(str(value))
    field.press("Enter")


if __name__ == "__main__":
    main()
