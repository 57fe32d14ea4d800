"""What every loader's door refuses: pipes, devices, bombs, and files that claim more than they have."""

import io
import json
import os
import pathlib
import pickle
import struct
import zipfile
import zlib

import cv2
import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.media import decoding
from pegasus_jax.untrusted import archives, files, json_text, limits, npy_files, picture_files
from tests.untrusted.limited import run_limited

MIB = 2**20


def png(width, height, data, *, depth=8, colour=2):
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
        (b"IDAT", data),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


# --- files ---


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_only_regular_files_are_opened(tmp_path, make):
    make(tmp_path / "x")
    for read in (files.read_bytes, files.sha256, json_text.read_json, npy_files.read_npz, npy_files.read_npy):
        with pytest.raises(UserError, match=r"x is no regular file but a folder, device or pipe"):
            read(tmp_path / "x")
    with pytest.raises(UserError, match=r"x is no regular file"):
        decoding.frame_rate(tmp_path / "x")


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 300, "x/" * 3000])
def test_names_that_no_file_can_have_are_told(name):
    with pytest.raises(UserError, match=r"(cannot be read|is missing)") as told:
        files.read_bytes(name)
    assert len(str(told.value)) < 400 and str(told.value).isprintable()
    assert not files.is_regular(name)


def test_a_file_larger_than_the_limit_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setenv(limits.VARIABLE, "2")
    with (tmp_path / "x.json").open("wb") as stream:
        stream.truncate(3 * MIB)
    with pytest.raises(UserError, match=r"x\.json has 3 MiB, more than the 2 MiB .* raise \$PEGASUS_FILE_LIMIT_MIB"):
        json_text.read_json(tmp_path / "x.json")
    monkeypatch.setenv(limits.VARIABLE, "many")
    with pytest.raises(UserError, match=r"\$PEGASUS_FILE_LIMIT_MIB must be a number of MiB"):
        files.read_bytes(tmp_path / "x.json")


# --- json ---


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[" * 100_000, "is nested deeper than 64 levels"),
        ('{"a":' * 100_000, "is nested deeper than 64 levels"),
        ("[" * 65 + "]" * 65, "is nested deeper than 64 levels"),
        ("1" * 400, r"cannot be read as json \(an integer of 400 digits\)"),
        (json.dumps({"a": [{"b": "x\0"}]}), r": a\[0\]\.b: 'x\\x00' is a name that no file can have"),
        ('{"a": "\\ud800"}', r": a: '\\ud800' is a name that no file can have"),
        ("{", "cannot be read as json"),
        ("", "cannot be read as json"),
    ],
)
def test_json_that_would_break_what_comes_after(tmp_path, text, sentence):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=rf"x\.json.*{sentence}"):
        json_text.read_json(tmp_path / "x.json")


def test_json_as_systems_write_it(tmp_path):
    value = {"a": [1, 2.5, 10**30, "é"], "b": None}
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32-le"):
        (tmp_path / "x.json").write_bytes(json.dumps(value, ensure_ascii=False).encode(encoding))
        assert json_text.read_json(tmp_path / "x.json") == value
    with pytest.raises(UserError, match=r"x\.json must hold a json object"):
        (tmp_path / "x.json").write_text("[]")
        json_text.read_object(tmp_path / "x.json")


def test_empty_lists_by_the_million_are_counted_before_they_are_made(monkeypatch):
    monkeypatch.setenv(limits.VARIABLE, "20")
    with pytest.raises(UserError, match="would unpack to more than"):
        json_text.parse("[" + "[]," * 200_000 + "[]]", source="x")


# --- zips and arrays ---


def test_members_are_bounded_before_they_are_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "<f4", "fortran_order": False, "shape": (2**28,)})
        for _ in range(1024):
            member.write(bytes(MIB))
    program = "import sys; from pegasus_jax.untrusted import npy_files; npy_files.read_npz(sys.argv[1])"
    done = run_limited(program, path)
    assert "UserError" in done.stderr and "would unpack to more than" in done.stderr


def test_a_table_of_contents_without_end_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_DIRECTORY_BYTES", 500)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.npy", b"")
    with pytest.raises(UserError, match=r"x\.npz has too many members"):
        npy_files.read_npz(tmp_path / "x.npz")


def test_of_several_arrays_only_the_named_ones_are_looked_at(tmp_path):
    np.savez(tmp_path / "x.npz", good=np.arange(3), other=np.array([{}]))
    with pytest.raises(UserError, match=r"other\.npy holds object, not plain numbers"):
        npy_files.read_npz(tmp_path / "x.npz")
    (found,) = npy_files.read_npz(tmp_path / "x.npz", names=("good",)).values()
    assert found.tolist() == [0, 1, 2]


@pytest.mark.parametrize("shape", [(2**50,), (2**31, 2**31), (-1,), (3, 2**62)])
def test_headers_that_declare_petabytes(tmp_path, shape):
    with (tmp_path / "x.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
        stream.write(bytes(64))
    with pytest.raises(UserError, match=r"x\.npy is not an \.npy of a plain array"):
        npy_files.read_npy(tmp_path / "x.npy")


def test_a_pickle_in_an_npy_is_not_opened(tmp_path):
    (tmp_path / "x.npy").write_bytes(pickle.dumps(os.system))
    with pytest.raises(UserError, match=r"x\.npy is not an \.npy"):
        npy_files.read_npy(tmp_path / "x.npy")


# --- pictures and videos ---


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sizes_are_read_without_decoding(tmp_path, suffix, channels):
    picture = np.random.default_rng(0).integers(0, 256, (37, 53, channels), dtype=np.uint8)
    if suffix == ".jpg" and channels == 4:
        pytest.skip("a JPEG has no alpha")
    _, encoded = cv2.imencode(suffix, picture)
    path = tmp_path / f"x{suffix}"
    path.write_bytes(encoded.tobytes())
    with path.open("rb") as stream:
        header = picture_files.read_header(stream)
    assert header is not None and header.size == (37, 53)
    decoded = picture_files.decode(path.read_bytes(), cv2.IMREAD_UNCHANGED, source=path)
    assert decoded is not None and decoded.shape[:2] == (37, 53)
    if suffix not in (".jpg", ".webp"):
        np.testing.assert_array_equal(decoded, picture.squeeze())


def test_deep_pictures_count_by_what_they_take():
    _, encoded = cv2.imencode(".png", np.zeros((4, 4, 4), np.uint16))
    header = picture_files.read_header(io.BytesIO(encoded.tobytes()))
    assert header is not None and header.bytes_per_pixel == 8 and header.has_alpha


@pytest.mark.parametrize("size", [(30_000, 30_000), (2**31 - 1, 2**31 - 1), (60_000, 1_200)])
def test_pictures_of_a_billion_pixels_are_not_decoded(tmp_path, size):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(*size, zlib.compress(bytes(1000))))
    program = "import pathlib, sys; from pegasus_jax.data import pictures; pictures.decode_matte(sys.argv[1])"
    done = run_limited(program, path, gib=1.5)
    assert f"bomb.png is a picture of {size[0]}x{size[1]} pixels, more than the 192 MiB" in done.stderr, done.stderr


NO_PICTURES = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM", b"II*\0\xff\xff\xff\xff", b"GIF89a"]


@pytest.mark.parametrize("content", NO_PICTURES)
def test_what_is_no_picture_is_none(content):
    assert picture_files.decode(content, cv2.IMREAD_COLOR, source="x") is None


def test_a_jpeg_whose_segments_go_nowhere_ends():
    content = b"\xff\xd8\xff\xe0\x00\x00" * 3 + b"\xff\xff" * 100
    assert picture_files.decode(content, cv2.IMREAD_COLOR, source="x") is None


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:1,\n{path}\n", "ffconcat version 1.0\nfile {path}\n"])
def test_a_playlist_is_no_video(tmp_path, text):
    """It could lead to any file or address."""
    secret = tmp_path / "secret.mp4"
    writer = cv2.VideoWriter(str(secret), cv2.VideoWriter.fourcc(*"mp4v"), 5, (32, 32))
    writer.write(np.zeros((32, 32, 3), np.uint8))
    writer.release()
    assert decoding.count_frames(secret) == 1
    (tmp_path / "list.mp4").write_text(text.format(path=secret))
    with pytest.raises(UserError, match=r"list\.mp4 cannot be read as a video"):
        decoding.count_frames(tmp_path / "list.mp4")


def test_a_video_of_huge_pictures_is_refused_by_its_header(tmp_path, monkeypatch):
    writer = cv2.VideoWriter(str(tmp_path / "x.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 5, (640, 480))
    writer.write(np.zeros((480, 640, 3), np.uint8))
    writer.release()
    monkeypatch.setenv(limits.VARIABLE, "1")
    with pytest.raises(UserError, match=r"x\.mp4 is a picture of 640x480 pixels, more than the 0 MiB"):
        decoding.count_frames(pathlib.Path(tmp_path / "x.mp4"))
