"""torchvision's AlexNet and VGG16: where the files are found, or fetched from on demand.

A file's name ends in the first eight hex digits of its SHA-256.
"""

import pathlib
import re

from pegasus_jax import assets, atomic, fetch
from pegasus_jax.core.trunks import FILES, Net
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files

STORE = "https://download.pytorch.org/models"
NETS: tuple[Net, ...] = tuple(FILES)


def find_trunk(net: Net) -> pathlib.Path:
    """The path of a network's weights: $PEGASUS_ASSETS, then the user's cache, then a download into the cache.

    Raises:
        UserError: the file is not what its name says, or it is absent and cannot be fetched.
    """
    name = FILES[net]
    found = assets.find(name)
    if found is None:
        return _download(name, assets.cache_folder())
    digest = files.sha256(found)
    if not digest.startswith(_digits(name)):
        raise UserError(
            f"{found} is damaged: its sha256 is {digest[:8]}…, not {_digits(name)}… as its name says; delete it and "
            "fetch it again."
        )
    return found


def _download(name: str, folder: pathlib.Path) -> pathlib.Path:
    target, url = folder / name, f"{STORE}/{name}"
    try:
        content = fetch.download(url, sha256=_digits(name))
    except OSError as error:
        raise UserError(
            f"The weights {name} are not here and could not be fetched ({error}): "
            f"download {url} on another machine and put the file into {folder} or the folder named by $PEGASUS_ASSETS."
        ) from error
    with atomic.file(target) as partial:
        partial.write_bytes(content)
    return target


def _digits(name: str) -> str:
    found = re.search(r"-([0-9a-f]{8})\.pth$", name)
    assert found, f"{name} does not carry the start of its sha256"
    return found[1]
