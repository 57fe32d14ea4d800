"""Where MediaPipe's model files are found, or fetched from on first use."""

import pathlib

from pegasus_jax import assets, atomic, fetch
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files

_STORE = "https://storage.googleapis.com/mediapipe-models"

URLS = {
    "face_landmarker.task": f"{_STORE}/face_landmarker/face_landmarker/float16/1/face_landmarker.task",
    "selfie_segmenter.tflite": (f"{_STORE}/image_segmenter/selfie_segmenter/float16/latest/selfie_segmenter.tflite"),
    "hair_segmenter.tflite": f"{_STORE}/image_segmenter/hair_segmenter/float32/latest/hair_segmenter.tflite",
}

# Only the landmarker is pinned: everything in a dataset hangs on its 478 points and 52 scores. The segmenters are
# published under "latest", so their hashes are recorded in capture.json instead.
PINNED_SHA256 = {
    "face_landmarker.task": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
}


def find_model(name: str) -> pathlib.Path:
    """The path of a MediaPipe model file: $PEGASUS_ASSETS, then the user cache, then a download into the cache.

    Raises:
        UserError: `name` is unknown, the file is not the pinned one, or it is absent and cannot be fetched.
    """
    if name not in URLS:
        raise UserError(f"There is no model file called {name!r}; known are {', '.join(sorted(URLS))}.")
    found = assets.find(name)
    if found is None:
        return _download(name, assets.cache_folder())
    _check_pin(found)
    return found


def _check_pin(path: pathlib.Path) -> None:
    expected = PINNED_SHA256.get(path.name)
    if expected and files.sha256(path) != expected:
        raise UserError(
            f"{path} is not the model this version was made for (its sha256 differs from {expected[:8]}…): "
            f"delete it and fetch {URLS[path.name]} again."
        )


def _download(name: str, folder: pathlib.Path) -> pathlib.Path:
    target = folder / name
    try:
        content = fetch.download(URLS[name], sha256=PINNED_SHA256.get(name))
    except OSError as error:
        raise UserError(
            f"The MediaPipe model {name} is not here and could not be fetched ({error}): "
            f"download {URLS[name]} on another machine and put it into {folder} or the folder named by $PEGASUS_ASSETS."
        ) from error
    with atomic.file(target) as partial:
        partial.write_bytes(content)
    return target
