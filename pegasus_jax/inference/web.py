"""`launch.py export --kind=web`: a folder that is a web page, which poses and draws the avatar without Python.

The page's own files are built from `web/` and lie in `web_page`. What is somebody's is one more file, `avatar.js`: a
script, so that a page opened from a disk may load it too, where browsers let no page read other files.
"""

import base64
import dataclasses
import gzip
import json
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np

from pegasus_jax import atomic, families, media
from pegasus_jax.core import metrics
from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.motion import Motion
from pegasus_jax.families.quantised import Quantised, quantise
from pegasus_jax.flame import controls
from pegasus_jax.inference import clip
from pegasus_jax.media.disclosure import SOFTWARE

_FORMAT = 1  # of `avatar.js`; the page refuses another
_PAGE = pathlib.Path(__file__).parent / "web_page"
_ALIGNMENT = 4  # bytes: a typed array begins at a multiple of its element's size
_LONGEST_CLIP = 1500  # frames: a minute
_COMPARED = 8  # frames whose pictures tell the error
_LOUD = 99.0  # dB: pictures that are equal
_SIDES = {"L": "Left", "R": "Right"}  # of the person
_LOADER = "(globalThis.pegasusAvatars ??= {})[document.currentScript.src] = "


def write_page(
    out: pathlib.Path, avatar: Avatar, baked: BakedLook, motion: Motion, *, plays: bool, made: media.Disclosure
) -> None:
    """Writes the folder.

    Args:
        out: the folder, which must not exist or be empty.
        avatar: of a family that can be shown on a page.
        baked: the look of it that is shown.
        motion: its first camera is the page's, and a part of it tells the error of rounding.
        plays: whether it is a clip that the page can play.
        made: what stills and videos that the page saves say of themselves.

    Raises:
        UserError: `out` holds something, or cannot be written.
    """
    with atomic.folder(out) as folder:
        for path in sorted(_PAGE.iterdir()):
            shutil.copyfile(path, folder / path.name)
        arrays, drawn = families.find(avatar.description.family).web_arrays(baked)
        if plays:
            arrays = arrays | _clip(motion)
        described, content = pack(arrays)
        header = {
            "format": _FORMAT,
            "software": SOFTWARE,
            "made": {"sentence": made.sentence, "source": made.source_uri, "xmp": made.xmp().decode()},
            "psnr": round(_agreement(baked, drawn, motion), 1),
            "rest": _resting(avatar),
            "camera": _camera(baked, motion.cameras),
            "sliders": _sliders(avatar),
            "fps": clip.FPS,
            "arrays": described,
        }
        (folder / "avatar.js").write_text(script(header, content))


def pack(arrays: Mapping[str, np.ndarray | Quantised]) -> tuple[list[dict[str, Any]], bytes]:
    """Returns where each array is, as json, and all of them, little-endian, one after the other."""
    described, content = [], bytearray()
    for name, array in arrays.items():
        values = array.values if isinstance(array, Quantised) else array
        content += bytes(-len(content) % _ALIGNMENT)
        place = {"name": name, "type": values.dtype.name, "shape": list(values.shape), "offset": len(content)}
        steps = {"steps": array.steps.tolist()} if isinstance(array, Quantised) else {}
        described.append(place | steps)
        content += np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
    return described, bytes(content)


def script(header: Mapping[str, Any], content: bytes) -> str:
    """Returns the text of `avatar.js`: a header, and bytes that gzip holds and its checksum guards."""
    packed = base64.b64encode(gzip.compress(content, mtime=0)).decode()
    return f'{_LOADER}[\n{json.dumps(header)},\n"{packed}"];\n'


def _clip(motion: Motion) -> dict[str, np.ndarray | Quantised]:
    """Pose (15, F) and expression (50, F)."""
    frames = {"clip_pose": motion.params.pose, "clip_expression": motion.params.expression}
    return {name: quantise(np.asarray(array)[:_LONGEST_CLIP].T, np.int16) for name, array in frames.items()}


def _resting(avatar: Avatar) -> dict[str, list[float]]:
    params = clip.resting(avatar, image_size=1).params
    return {"pose": np.asarray(params.pose)[0].tolist(), "expression": np.asarray(params.expression)[0].tolist()}


def _sliders(avatar: Avatar) -> list[dict[str, Any]]:
    groups = {"pose": controls.pose_sliders(avatar.head), "expression": controls.expression_sliders(avatar.head)}
    return [
        dataclasses.asdict(slider) | {"group": group, "label": _name(slider.label)}
        for group, sliders in groups.items()
        for slider in sliders
    ]


def _name(label: str) -> str:
    """ARKit's name of an expression unit: "mouthSmileLeft" of "mouthSmile_L"."""
    stem, _, side = label.rpartition("_")
    return f"{stem}{_SIDES[side]}" if side in _SIDES else label


def _camera(baked: BakedLook, cameras: Camera) -> dict[str, Any]:
    """The first camera: its rotation, what it looks at and from how far, and its focal lengths in image sides."""
    T_camera_world, (fx, fy, cx, cy) = np.asarray(cameras.T_camera_world)[0], np.asarray(cameras.intrinsics)[0]
    (height, width), rotation = cameras.image_size, T_camera_world[:, :3]
    middle = np.asarray(baked.anchors).mean(axis=0)  # type: ignore[attr-defined]
    depth = float(rotation[2] @ middle + T_camera_world[2, 3])
    seen = depth * np.array([(0.5 * width - cx) / fx, (0.5 * height - cy) / fy, 1.0])
    return {
        "rotation": rotation.tolist(),
        "target": (rotation.T @ (seen - T_camera_world[:, 3])).tolist(),
        "distance": depth,
        "focal": [float(fx) / min(height, width), float(fy) / min(height, width)],
    }


def _agreement(baked: BakedLook, drawn: BakedLook, motion: Motion) -> float:
    """The lowest PSNR, dB, of some frames as the page's numbers draw them, against the avatar's own."""
    rows = np.linspace(0, len(motion) - 1, min(_COMPARED, len(motion))).round().astype(int)
    expected, found = (clip.render_pictures(look, motion.frames(rows))[0] for look in (baked, drawn))
    return min(_LOUD, *(float(metrics.psnr(*pair)) for pair in zip(found, expected)))
