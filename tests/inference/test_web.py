"""A folder that is a web page, but for what only a browser can tell: `test_web_page.py`."""

import base64
import gzip
import json
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.inference import web
from tests.families.gaussians import small
from tests.inference.test_export import run
from tests.inference.untrained import write_run
from tests.training import tiny

WEB = pathlib.Path(__file__).parents[2] / "web"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """An avatar, `me.npz`, and a dataset folder of ten frames, `clip`."""
    folder = tmp_path_factory.mktemp("web")
    small.avatar().save(folder / "me.npz")
    tiny.write_dataset(folder / "clip")
    return folder


@pytest.fixture(scope="module")
def page(inputs):
    run(f"--workdir={inputs}/me.npz", f"--drive={inputs}/clip", f"--out={inputs}/page", "--kind=web", "--image_size=64")
    return inputs / "page"


def header_and_content(page: pathlib.Path):
    header, packed = json.loads((page / "avatar.js").read_text().partition(" = ")[2].rstrip().rstrip(";"))
    return header, gzip.decompress(base64.b64decode(packed))


def test_the_folder_has_the_page_and_one_file_of_the_person(page):
    assert {path.name for path in page.iterdir()} == {"avatar.js", "embed.js", "index.html", "page.css", "page.js"}
    assert sum(path.stat().st_size for path in page.iterdir() if path.name != "avatar.js") < 100_000
    assert "http" not in (page / "index.html").read_text().replace("http-equiv", ""), "nothing comes from elsewhere"


def test_the_header_says_what_the_page_needs(page):
    header, content = header_and_content(page)
    assert header["psnr"] > 45, "what rounding costs"
    assert "Synthetic, not a recording: an avatar, me" in header["made"]["sentence"]
    assert "trainedAlgorithmicMedia" in header["made"]["xmp"]
    labels = [slider["label"] for slider in header["sliders"]]
    assert {"jaw open", "blink", "mouthSmileLeft", "mouthSmileRight", "jawForward"} <= set(labels)
    assert len(header["rest"]["pose"]) == 15 and np.allclose(header["rest"]["expression"], 0.1)
    last = header["arrays"][-1]
    assert len(content) == last["offset"] + 2 * np.prod(last["shape"])


def test_the_clip_is_in_it_to_a_hair(page, inputs):
    header, content = header_and_content(page)
    place = {one["name"]: one for one in header["arrays"]}["clip_expression"]
    assert place["shape"] == [50, tiny.NUM_FRAMES]
    values = np.frombuffer(content, "<i2", np.prod(place["shape"]), place["offset"]).reshape(place["shape"])
    expected = np.array([tiny.frame_params(number).expression for number in range(1, tiny.NUM_FRAMES + 1)]).T
    assert np.allclose(values * np.array(place["steps"])[:, None], expected, atol=1e-4)


def test_the_camera_looks_at_the_head_from_where_the_clip_does(page):
    camera = header_and_content(page)[0]["camera"]
    rotation = np.array(camera["rotation"])
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
    eye = np.array(camera["target"]) - camera["distance"] * rotation[2]
    world_to_camera = np.asarray(tiny.frame_params(1).world_mat)
    assert np.allclose(eye, -world_to_camera[:, :3].T @ world_to_camera[:, 3], atol=1e-4)


def test_without_a_clip_there_is_none_and_without_bases_all_the_same(inputs, tmp_path):
    small.avatar(num_bases=0).save(tmp_path / "plain.npz")
    run(f"--workdir={tmp_path}/plain.npz", f"--out={tmp_path}/page", "--kind=web", "--image_size=64")
    header, _ = header_and_content(tmp_path / "page")
    assert not [place for place in header["arrays"] if place["name"].startswith("clip")]
    assert header["psnr"] > 45


def test_a_page_that_cannot_be_is_one_sentence_and_leaves_nothing(inputs, tmp_path):
    me = f"--workdir={inputs}/me.npz"
    with pytest.raises(UserError, match=r"page\.html must be a folder for --kind=web"):
        run(me, f"--out={tmp_path}/page.html", "--kind=web")
    with pytest.raises(UserError, match="--sequence is for splats, points and pictures; web is one"):
        run(me, f"--out={tmp_path}/page", "--kind=web", "--sequence")
    with pytest.raises(UserError):
        run(me, f"--out={tmp_path}/page", "--kind=web", f"--drive={tmp_path}/nowhere")
    assert not list(tmp_path.iterdir())
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "mine").write_text("keep")
    with pytest.raises(UserError, match="page"):
        run(me, f"--out={tmp_path}/page", "--kind=web")
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["mine"]


def test_points_are_told_what_can_be_shown(tmp_path):
    folders = write_run(tmp_path)
    with pytest.raises(UserError, match="--kind=web shows rigged Gaussians, and this avatar is of points"):
        run(f"--workdir={folders.run}", f"--out={tmp_path}/page", "--kind=web")


def test_half_a_disk_leaves_no_half_page(inputs, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(web, "script", full)
    with pytest.raises(UserError, match="No disk space left"):
        run(f"--workdir={inputs}/me.npz", f"--out={tmp_path}/page", "--kind=web", "--image_size=64")
    assert not list(tmp_path.iterdir())


def npm(*words: str) -> subprocess.CompletedProcess:
    """What a script of `web/package.json` says."""
    if shutil.which("npm") is None or not (WEB / "node_modules").is_dir():
        pytest.skip("needs Node and its packages: npm ci --prefix web")
    return subprocess.run(["npm", "--prefix", str(WEB), *words], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("script", ["lint", "check", "test"])
def test_the_page_is_typed_formatted_built_from_its_source_and_right(script):
    done = npm("run", script)
    assert done.returncode == 0, done.stdout + done.stderr
