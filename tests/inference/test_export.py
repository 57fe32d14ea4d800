"""What `launch.py export` writes of an avatar, read back by other means."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl import flags
from PIL import Image

import rasterizer
from pegasus_jax.commands import export as command
from pegasus_jax.errors import UserError
from pegasus_jax.inference import clip, export, load
from tests.families.points.test_avatar import psnr
from tests.inference.untrained import write_run
from tests.media.said import source_type
from tests.media.test_videos import decoded

SIDE = 64
TURNED = np.array([[1.0, -1.0, -1.0]])  # from head space to the file
SPLAT_FIELDS = [*"xyz", "nx", "ny", "nz", *(f"f_dc_{i}" for i in range(3)), *(f"f_rest_{i}" for i in range(45))]
SPLAT_FIELDS += ["opacity", *(f"scale_{i}" for i in range(3)), *(f"rot_{i}" for i in range(4))]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="module")
def avatar(folders):
    return load(folders.run)


def run(*words: str) -> None:
    """`launch.py export` with these flags."""
    flag_values = flags.FlagValues()
    command.define_flags(flag_values)
    flag_values(["export", *words])
    command.run(flag_values)


def read_ply(path):
    """Names and columns; little-endian floats and bytes."""
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    kinds = {"float": "<f4", "uchar": "u1"}
    fields = [(line.split()[2], kinds[line.split()[1]]) for line in lines if line.startswith("property ")]
    vertices = np.frombuffer(body, fields)
    assert lines[2] == f"element vertex {len(vertices)}"
    return vertices


def columns(vertices, *names):
    return np.stack([vertices[name] for name in names], axis=1)


def drawn_as_viewers_do(vertices, camera):
    """3D Gaussian splatting of isotropic Gaussians, with its 0.3 square pixels of blur; over white."""
    scales, turns = (
        columns(vertices, *(f"scale_{i}" for i in range(3))),
        columns(vertices, *(f"rot_{i}" for i in range(4))),
    )
    assert (scales == scales[:, :1]).all() and (turns == [1, 0, 0, 0]).all()
    camera = jax.tree.map(np.asarray, camera)
    rotation, translation = camera.T_camera_world[:, :3], camera.T_camera_world[:, 3]
    seen = columns(vertices, *"xyz") * [1, -1, -1] @ rotation.T + translation
    means = seen[:, :2] / seen[:, 2:] * camera.intrinsics[:2] + camera.intrinsics[2:]
    variance = (np.exp(scales[:, 0]) * np.abs(camera.intrinsics[0]) / seen[:, 2]) ** 2 + 0.3
    conics = np.stack([1 / variance, np.zeros(len(seen)), 1 / variance], axis=1)
    out = rasterizer.splat_gaussians(
        *(jnp.asarray(a, jnp.float32) for a in (means, conics, seen[:, 2], 1 / (1 + np.exp(-vertices["opacity"])))),
        jnp.asarray(0.5 + 0.28209479177387814 * columns(vertices, "f_dc_0", "f_dc_1", "f_dc_2"), jnp.float32),
        image_size=camera.image_size,
    )
    return out.image + (1.0 - out.alpha)[..., None]


def test_a_splat_viewer_shows_our_picture(folders, avatar, tmp_path):
    out = tmp_path / "hair.ply"
    words = [f"--workdir={folders.run}", f"--out={out}", "--look=hair/ada", f"--drive={folders.data}", "--frame=3"]
    run(*words, f"--image_size={SIDE}")
    vertices = read_ply(out)
    assert list(vertices.dtype.names) == SPLAT_FIELDS
    motion = clip.driven(avatar, folders.data, image_size=SIDE).frames(2)
    expected = avatar.render(motion.params, motion.cameras, latent=avatar.latent("hair/ada"))
    assert float(expected.alpha.mean()) > 0.1
    assert psnr(drawn_as_viewers_do(vertices, motion.cameras), expected.image) > 30


def test_coloured_points_are_where_the_frame_has_them(folders, avatar, tmp_path):
    out = tmp_path / "points.ply"
    run(f"--workdir={folders.run}", f"--out={out}", "--kind=points")
    vertices, rest = read_ply(out), clip.resting(avatar, image_size=SIDE).frames(0)
    baked = avatar.bake()
    points = baked.frame_points(jax.tree.map(jnp.asarray, rest.params))
    np.testing.assert_allclose(columns(vertices, *"xyz"), points.positions_d * TURNED, atol=1e-5)
    np.testing.assert_allclose(columns(vertices, "nx", "ny", "nz"), points.normals_d * TURNED, atol=1e-5)
    expected = np.clip(2 * np.asarray(points.shading * points.albedo), 0, 1) * 255
    assert np.abs(columns(vertices, "red", "green", "blue") - expected).max() <= 0.51


def test_a_sequence_is_a_file_for_every_frame(folders, tmp_path):
    out = tmp_path / "clip"
    words = [f"--workdir={folders.run}", f"--out={out}", f"--drive={folders.data}", "--sequence", "--kind=points"]
    run(*words)
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"{number:05d}.ply" for number in range(1, 11)]
    first, last = (columns(read_ply(out / name), *"xyz") for name in (names[0], names[-1]))
    assert np.abs(first - last).max() > 1e-3


def over_white(rgba):
    alpha = rgba[..., 3:] / 255.0
    return rgba[..., :3] * alpha + 255.0 * (1.0 - alpha)


def test_pictures_over_white_are_the_frames_and_beside_the_head_there_is_nothing(folders, avatar, tmp_path):
    out = tmp_path / "clip"
    words = [f"--workdir={folders.run}", f"--drive={folders.data}", f"--image_size={SIDE}"]
    run(*words, f"--out={out}", "--sequence", "--kind=pictures")
    run(*words, f"--out={tmp_path / 'third.png'}", "--frame=3")
    expected = list(clip.render_frames(avatar.bake(), clip.driven(avatar, folders.data, image_size=SIDE)))
    assert sorted(path.name for path in out.iterdir()) == [f"{number:05d}.png" for number in range(1, 11)]
    for index in (0, 2, 9):
        with Image.open(out / f"{index + 1:05d}.png") as picture:
            read = np.asarray(picture)
        assert np.abs(over_white(read) - expected[index]).max() <= 1.5, "colour and alpha are both rounded"
        assert (read[..., 3] == 0).any() and (read[..., 3] > 250).any()
    assert (tmp_path / "third.png").read_bytes() == (out / "00003.png").read_bytes()
    assert source_type(tmp_path / "third.png") == "trainedAlgorithmicMedia"


@pytest.mark.parametrize("suffix, decoder", [(".webm", "libvpx-vp9"), (".mov", "prores")])
def test_a_video_keeps_alpha(folders, avatar, tmp_path, suffix, decoder):
    out = tmp_path / f"clip{suffix}"
    run(f"--workdir={folders.run}", f"--drive={folders.data}", f"--image_size={SIDE}", f"--out={out}")
    read = decoded(out, decoder)
    expected = list(
        clip.render_frames(avatar.bake(), clip.driven(avatar, folders.data, image_size=SIDE), with_alpha=True)
    )
    assert read.shape == (10, SIDE, SIDE, 4)
    assert np.abs(read[..., 3].astype(int) - np.stack(expected)[..., 3]).mean() < 4.0


def test_the_whole_avatar_opens_again(folders, avatar, tmp_path):
    out = tmp_path / "me.npz"
    run(f"--workdir={folders.run}", f"--out={out}")
    assert load(out).fingerprint == avatar.fingerprint


@pytest.mark.parametrize(
    "words, sentence",
    [
        ([], "needs --workdir=AVATAR or --data=DATASET_FOLDER, and not both"),
        (["--workdir=w", "--data=d"], "needs --workdir=AVATAR or --data=DATASET_FOLDER, and not both"),
        (["--workdir=w", "--kind=splats"], r"--out=x\.npz must end in \.ply for --kind=splats"),
        (["--workdir=w", "--kind=baked", "--sequence"], "--sequence is for splats, points and pictures; baked is one"),
        (["--workdir=w", "--kind=video"], r"--out=x\.npz must end in \.webm or \.mov for --kind=video"),
        (["--workdir=w", "--sequence"], r"--out=x\.npz must be a folder: --sequence writes a file for every frame"),
    ],
)
def test_flags_that_do_not_fit_are_one_sentence(words, sentence):
    with pytest.raises(UserError, match=sentence):
        run("--out=x.npz", *words)


def test_a_video_has_alpha_and_a_motion_or_is_refused():
    with pytest.raises(UserError, match=r"--out=x\.mp4 must end in \.webm or \.mov for --kind=video"):
        run("--workdir=w", "--out=x.mp4")
    with pytest.raises(UserError, match="--kind=video needs --drive=DATASET_FOLDER, whose motion it shows"):
        run("--workdir=w", "--out=x.webm")


def test_a_frame_that_is_not_there_is_one_sentence(folders, tmp_path):
    with pytest.raises(UserError, match="--frame=11 must be from 1 to 10"):
        run(f"--workdir={folders.run}", f"--out={tmp_path}/x.ply", f"--drive={folders.data}", "--frame=11")


def test_the_kinds_of_the_flag_are_those_of_the_function():
    assert tuple(command._KINDS) == export.KINDS
