"""What `fuzz.py` does to good files: changes that make them certainly wrong, and changes that may be harmless.

A change takes a file and a random generator, and says which place of it is then wrong.
"""

import dataclasses
import functools
import io
import json
import os
import pathlib
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

BIG = 2**30  # bytes that a bomb unpacks to
_DEEP = 100_000


@dataclasses.dataclass(frozen=True)
class Done:
    """What a change did."""

    is_wrong: bool  # no reader may take it; else it may be a harmless change
    place: str = ""  # what the sentence has to name besides the file, if that can be said


Change = Callable[[pathlib.Path, random.Random], Done | None]  # None: there is nothing in the file to change so


def changes_of(path: pathlib.Path, *, essential: tuple[str, ...]) -> dict[str, Change]:
    """The changes that a file can suffer, by name; `essential` are the keys or arrays that its reader needs."""
    by_suffix: dict[str, dict[str, Change]] = {
        ".json": _json_changes(essential),
        ".npz": _npz_changes(essential),
        ".npy": {"bomb": _npy_bomb, "objects": _npy_objects},
        ".pth": _ZIP,
        ".pkl": {"bomb": _pickle_bomb, "call": _pickle_call, "state": _pickle_state},
        ".zip": _ZIP,
        ".png": {"bomb": _png_bomb},
    }
    return _ANY | by_suffix.get(path.suffix, {})


# --- any file ---


def _rewritten(path: pathlib.Path, change: Callable[[bytearray], None]) -> Done:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    return Done(is_wrong=False)


def _cut(path: pathlib.Path, rng: random.Random) -> Done:
    os.truncate(path, rng.randrange(path.stat().st_size))
    return Done(is_wrong=path.suffix in (".npz", ".pth", ".zip", ".pkl", ".npy", ".safetensors"))


def _flip(path: pathlib.Path, rng: random.Random) -> Done:
    def flip(content: bytearray) -> None:
        for _ in range(rng.randint(1, 8)):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)

    return _rewritten(path, flip)


def _noise(path: pathlib.Path, rng: random.Random) -> Done:
    def overwrite(content: bytearray) -> None:
        begin = rng.randrange(len(content))
        size = min(rng.choice([4, 16, 256]), len(content) - begin)
        content[begin : begin + size] = rng.randbytes(size) if rng.random() < 0.7 else bytes(size)

    return _rewritten(path, overwrite)


def _inserted(path: pathlib.Path, rng: random.Random) -> Done:
    def insert(content: bytearray) -> None:
        at = rng.randrange(len(content))
        content[at:at] = rng.randbytes(rng.randint(1, 64))

    return _rewritten(path, insert)


def _numbers(path: pathlib.Path, rng: random.Random) -> Done:
    """Sizes and offsets that are as large as they can be."""

    def overwrite(content: bytearray) -> None:
        at = rng.randrange(max(len(content) - 8, 1))
        content[at : at + 4] = rng.choice([b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\x10", b"\x10\0\0\0"])

    return _rewritten(path, overwrite)


def _empty(path: pathlib.Path, rng: random.Random) -> Done:
    path.write_bytes(b"")
    return Done(is_wrong=path.suffix != ".jsonl")


def _instead(make: Callable[[pathlib.Path], object]) -> Change:
    def change(path: pathlib.Path, rng: random.Random) -> Done:
        path.unlink()
        make(path)
        return Done(is_wrong=True)

    return change


_ANY: dict[str, Change] = {
    "cut": _cut,
    "flip": _flip,
    "noise": _noise,
    "inserted": _inserted,
    "numbers": _numbers,
    "empty": _empty,
    "folder": _instead(lambda path: path.mkdir()),
    "pipe": _instead(os.mkfifo),
    "device": _instead(lambda path: path.symlink_to("/dev/zero")),
}

# --- json ---

_NASTY: tuple[Any, ...] = (
    None,
    True,
    [],
    {},
    "",
    "x",
    -1,
    0,
    1e308,
    float("nan"),
    float("inf"),
    10**30,
    [[]],
    {"a": 1},
)
_NASTY += ("../../x", "/dev/zero", "x" * 5000, [0.0] * 100_000, -(2**63))
_UNREAD = "flame_keypoints"  # whose numbers are taken out before a json is read
_NEVER: tuple[Any, ...] = (10**400, "a\0b", "\ud800")  # what no reader takes, wherever it stands


def _places(value: Any, *, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        if key == _UNREAD:
            continue
        yield (*so_far, key)
        yield from _places(entry, so_far=(*so_far, key))


def _put(value: Any, place: tuple[Any, ...], entry: Any) -> None:
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] = entry


def _json_changes(essential: tuple[str, ...]) -> dict[str, Change]:
    def value(path: pathlib.Path, rng: random.Random) -> Done:
        content = json.loads(path.read_text())
        _put(content, rng.choice(list(_places(content))), rng.choice(_NASTY))
        path.write_text(json.dumps(content))
        return Done(is_wrong=False)

    def never(path: pathlib.Path, rng: random.Random) -> Done:
        content = json.loads(path.read_text())
        _put(content, rng.choice(list(_places(content))), rng.choice(_NEVER))
        path.write_text(json.dumps(content))
        return Done(is_wrong=True)

    def deep(path: pathlib.Path, rng: random.Random) -> Done:
        content = json.loads(path.read_text())
        _put(content, rng.choice(list(_places(content))), "DEEP")
        opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
        path.write_text(json.dumps(content).replace('"DEEP"', opening * _DEEP + "1" + closing * _DEEP))
        return Done(is_wrong=True)

    def other(path: pathlib.Path, rng: random.Random) -> Done:
        path.write_text(rng.choice(["[]", "null", "3", '"x"', "{}", "[1, 2]", "{", "nul", "[1,]"]))
        return Done(is_wrong=path.read_text() not in ("{}", "[]"))  # which may be all that there is to say

    def spoilt(path: pathlib.Path, rng: random.Random) -> Done | None:
        """What the reader needs becomes something that it cannot be."""
        content = json.loads(path.read_text())
        places = [place for place in _places(content) if place[-1] in essential]
        if not places:
            return None
        place = rng.choice(places)
        _put(content, place, rng.choice([None, True, {}, [[]], {"a": 1}, [None], float("nan")]))
        path.write_text(json.dumps(content))
        return Done(is_wrong=True, place=str(place[-1]))

    def lacking(path: pathlib.Path, rng: random.Random) -> Done | None:
        content = json.loads(path.read_text())
        places = [place for place in _places(content) if place[-1] in essential]
        if not places:
            return None
        *holder, key = rng.choice(places)
        value = content
        for step in holder:
            value = value[step]
        del value[key]
        path.write_text(json.dumps(content))
        return Done(is_wrong=True, place=str(key))

    return {"value": value, "never": never, "deep": deep, "other": other, "spoilt": spoilt, "lacking": lacking}


# --- zips and arrays ---


def _members(path: pathlib.Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path: pathlib.Path, members: dict[str, bytes], *, method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


def _header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _encrypted(path: pathlib.Path, rng: random.Random) -> Done:
    """Every member says that it has a password."""
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 4)
    path.write_bytes(content)
    return Done(is_wrong=True)


def _zip_bomb(path: pathlib.Path, rng: random.Random) -> Done:
    members = _members(path)
    name = rng.choice(sorted(members))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, content in members.items():
            if other != name:
                archive.writestr(other, content)
        with archive.open(name, "w", force_zip64=True) as stream:
            if name.endswith(".npy"):
                stream.write(_header((BIG // 4,)))
            for _ in range(BIG // 2**24):
                stream.write(bytes(2**24))
    return Done(is_wrong=True)


_ZIP: dict[str, Change] = {"encrypted": _encrypted, "bomb": _zip_bomb}


def _of_array(spoil: Callable[[np.ndarray, random.Random], np.ndarray | bytes | None]) -> Callable[..., Change]:
    def make(essential: tuple[str, ...]) -> Change:
        def change(path: pathlib.Path, rng: random.Random) -> Done | None:
            members = _members(path)
            names = [name for name in members if name.removesuffix(".npy") in essential]
            rng.shuffle(names)
            for name in names:
                array = np.lib.format.read_array(io.BytesIO(members[name]), allow_pickle=False)
                spoilt = spoil(array, rng)
                if spoilt is not None:
                    members[name] = spoilt if isinstance(spoilt, bytes) else _npy(spoilt)
                    _write(path, members)
                    return Done(is_wrong=True, place=name.removesuffix(".npy"))
            return None

        return change

    return make


def _with_a_value(values: tuple[float, ...]) -> Callable[[np.ndarray, random.Random], np.ndarray | None]:
    def spoil(array: np.ndarray, rng: random.Random) -> np.ndarray | None:
        if array.dtype.kind != "f" or not array.size:
            return None
        spoilt = array.copy()
        spoilt.reshape(-1)[rng.randrange(array.size)] = rng.choice(values)
        return spoilt

    return spoil


def _other_shape(array: np.ndarray, rng: random.Random) -> np.ndarray | None:
    if not array.ndim:
        return np.zeros(3, array.dtype)
    return rng.choice([array[None], array[..., None], array[:0], np.zeros((), array.dtype)])


def _npz_changes(essential: tuple[str, ...]) -> dict[str, Change]:
    makers = {
        "not finite": _of_array(_with_a_value((np.nan, np.inf, -np.inf))),
        "complex": _of_array(lambda array, rng: array.astype(np.complex64) if array.dtype.kind in "fiu" else None),
        "dates": _of_array(lambda array, rng: np.zeros(array.shape, "M8[D]")),
        "objects": _of_array(lambda array, rng: np.full(array.shape, None, object)),
        "shape": _of_array(_other_shape),
        "petabytes": _of_array(lambda array, rng: _header((2**50,)) + bytes(64)),
        "negative": _of_array(lambda array, rng: _header((-4, 3)) + bytes(48)),
        "text": _of_array(lambda array, rng: np.full(array.shape, "x")),
    }

    def lacking(path: pathlib.Path, rng: random.Random) -> Done | None:
        members = _members(path)
        names = [name for name in members if name.removesuffix(".npy") in essential]
        if not names:
            return None
        name = rng.choice(names)
        del members[name]
        _write(path, members)
        return Done(is_wrong=True, place=name.removesuffix(".npy"))

    return {name: make(essential) for name, make in makers.items()} | {"lacking": lacking} | _ZIP


def _npy_bomb(path: pathlib.Path, rng: random.Random) -> Done:
    path.write_bytes(_header((2 ** rng.randint(31, 50),)) + bytes(64))
    return Done(is_wrong=True)


def _npy_objects(path: pathlib.Path, rng: random.Random) -> Done:
    np.save(path, np.array([{}, None], object), allow_pickle=True)
    return Done(is_wrong=True)


# --- pickles and pictures ---


def _pickle_bomb(path: pathlib.Path, rng: random.Random) -> Done:
    programs = [
        b"\x80\x02Nr\x00\x00\x00\x10.",  # the memo's entry 2^28
        b"\x80\x04N" + b"2" * 200_000 + b".",
        b"\x80\x02" + b"]" * 200_000 + b".",
        b"\x80\x02\x8a\xff" + b"\x7f" * 255 + b".",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"x.",
        b"\x80\x02]q\x00" + b"(h\x00h\x00h\x00h\x00l" * 3 + b".",
    ]
    path.write_bytes(rng.choice(programs))
    return Done(is_wrong=True)


class _Call:
    def __reduce__(self):
        return os.system, ("exit 1",)


def _pickle_call(path: pathlib.Path, rng: random.Random) -> Done:
    path.write_bytes(pickle.dumps({"v_template": _Call()}, protocol=rng.randint(0, 5)))
    return Done(is_wrong=True)


def _pickle_state(path: pathlib.Path, rng: random.Random) -> Done:
    """A dtype whose state says that its bytes are pointers."""
    void = b"cnumpy\ndtype\n(X\x02\x00\x00\x00V8K\x00K\x01tR"
    anything = b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8K\x00K\x01tR"
    name = b"X\x01\x00\x00\x00a"
    state = b"(K\x03X\x01\x00\x00\x00|N(" + name + b"t}" + name + b"(" + anything + b"K\x00tsK\x08K\x01K\x00t"
    program = b"\x80\x02" + void + state + b"b."
    path.write_bytes(program)
    return Done(is_wrong=True)


@functools.cache
def _zeros() -> bytes:
    squeezed = zlib.compressobj(9)
    return b"".join(squeezed.compress(bytes(2**20)) for _ in range(900)) + squeezed.flush()


def _png_bomb(path: pathlib.Path, rng: random.Random) -> Done:
    side = rng.choice([30_000, 20_000, 2**31 - 1])
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", _zeros()), (b"IEND", b"")]
    content = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return Done(is_wrong=True)
