"""An exported page in a headless browser: how large, how near to `avatar.render`, how fast; and what it looks like.

    python launch.py export --kind=web --workdir=runs/ada --drive=data/ada --out=ada_page
    python benchmarks/web_page.py --workdir=runs/ada --drive=data/ada --page=ada_page --picture=docs/web_page.png

Ten frames of the clip, 512 x 512 pixels, at the clip's own cameras. Needs `pip install playwright` and a Chromium
(`apt-get install chromium`, or $CHROMIUM), which draws without a graphics card here: `webgl` is its software version,
`painted` our own way without one, which a page takes by itself where there is no card.
"""

import argparse
import base64
import os
import pathlib
import shutil
import time

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from pegasus_jax import atomic, media
from pegasus_jax.core import metrics
from pegasus_jax.core.motion import Motion
from pegasus_jax.inference import clip, load
from pegasus_jax.media.marks import mark_png

_SIDE, _FRAMES = 512, 10
_WINDOW = {"width": 1000, "height": 640}
_WITHOUT_GPU = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_DRAW = """async ([pose, expression, T_camera_world, intrinsics, side]) => {
    const { avatar } = pegasusStage;
    Object.assign(avatar.canvas, { width: side, height: side });
    const gl = avatar.surface.paints ? null : avatar.canvas.getContext("webgl2");
    const start = performance.now();
    await avatar.draw({ pose, expression }, { T_camera_world, intrinsics });
    gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits for the picture
    const milliseconds = performance.now() - start;
    const bytes = new Uint8Array(await (await pegasusStage.still()).arrayBuffer());
    return [milliseconds, btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))];
}"""


def main() -> None:
    """Prints the figures, and takes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=pathlib.Path, required=True, help="the avatar")
    parser.add_argument("--drive", type=pathlib.Path, required=True, help="the dataset folder that the page plays")
    parser.add_argument("--page", type=pathlib.Path, required=True, help="the exported folder")
    parser.add_argument("--picture", type=pathlib.Path, help="where to write a picture of the page")
    arguments = parser.parse_args()
    for path in sorted(arguments.page.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    avatar = load(arguments.workdir)
    motion = clip.driven(avatar, arguments.drive, image_size=_SIDE)
    motion = motion.frames(np.linspace(0, len(motion) - 1, _FRAMES).round().astype(int))
    expected, _ = clip.render_pictures(avatar.bake(), motion)
    address = f"file://{arguments.page.resolve()}/index.html"
    with sync_playwright() as started:
        executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = started.chromium.launch(executable_path=executable, args=_WITHOUT_GPU)
        for way in ("painted", "webgl"):
            _measure(browser, f"{address}#{way}", way, motion, expected)
        if arguments.picture:
            _take(browser, address, arguments.picture)
        browser.close()


def _measure(browser: Browser, address: str, way: str, motion: Motion, expected: np.ndarray) -> None:
    page, seconds = _opened(browser, address)
    similar, times = [], []
    for number in range(_FRAMES):
        frame = motion.frames(number)
        numbers = (frame.params.pose, frame.params.expression, frame.cameras.T_camera_world, frame.cameras.intrinsics)
        lists = [np.asarray(array).ravel().tolist() for array in numbers]
        milliseconds, png = page.evaluate(_DRAW, [*lists, _SIDE])
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(png), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        similar.append(float(metrics.psnr(picture.astype(np.float32) / 255.0, expected[number])))
        times.append(milliseconds)
    median, fastest = np.median(times), min(times)
    print(f"{way}: first picture {seconds:.1f} s, then {median:.0f} ms a frame (median; fastest {fastest:.0f})")
    print(f"{way}: against avatar.render, dB: lowest {min(similar):.1f}, mean {np.mean(similar):.1f}")
    page.close()


def _opened(browser: Browser, address: str) -> tuple[Page, float]:
    page = browser.new_page(viewport=_WINDOW)
    page.set_default_timeout(120_000)
    start = time.monotonic()
    page.goto(address)
    page.wait_for_function("window.pegasusStage && document.getElementById('message').textContent === ''")
    return page, time.monotonic() - start


def _take(browser: Browser, address: str, out: pathlib.Path) -> None:
    page, _ = _opened(browser, address)
    page.evaluate("pegasusStage.turn({ yaw: -0.2, pitch: 0.05 })")
    page.evaluate("pegasusStage.move({ 'jaw open': 0.06, mouthSmileLeft: 0.5, mouthSmileRight: 0.5 })")
    png = page.screenshot()
    with atomic.file(out) as temporary:
        temporary.write_bytes(mark_png(png, media.rendered("on a web page")))


if __name__ == "__main__":
    main()
