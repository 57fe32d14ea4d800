"""`launch.py edit` from end to end: video, sheet and look files of an untrained run."""

import cv2
import numpy as np
import pytest
from absl import flags

from pegasus_jax import media
from pegasus_jax.commands import edit as command
from pegasus_jax.core import avatar as core_avatar
from pegasus_jax.errors import UserError
from pegasus_jax.families.points import avatar as avatar_module
from pegasus_jax.inference import clip, edit, load, load_look
from tests.inference.untrained import write_run
from tests.media.said import source_type, xmp

SIDE = 32
COMPRESSED = (
    12.0  # grey levels by which H.264 changes these small colourful pictures on average: 5.9 at worst, seen here
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("edit"))


@pytest.fixture(scope="module")
def avatar(folders):
    return load(folders.run)


@pytest.fixture
def launch_edit(folders, tmp_path):
    """Runs the command with these flags; returns the folder it wrote."""

    def run(*arguments):
        flag_values = flags.FlagValues()
        command.define_flags(flag_values)
        out = tmp_path / "out" / "edit"
        flag_values(["edit", f"--workdir={folders.run}", f"--out={out}", f"--image_size={SIDE}", *arguments])
        command.run(flag_values)
        return out

    return run


def frames(out):
    return media.read_video(out / "edit.mp4")[0].astype(int)


def still(avatar, latent):
    return clip.render_still(avatar.bake(latent), clip.resting(avatar, image_size=SIDE)).astype(int)


def shown(frame, avatar):
    """The trained look, at rest, that a frame resembles most."""
    return min(avatar.looks, key=lambda look: np.abs(frame - still(avatar, avatar.latent(look))).mean())


def files(out):
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def test_a_swap_is_one_look_shown_for_a_second(launch_edit, avatar):
    out = launch_edit("--swap=hair:hair/ada,nose:nose/ben:0.3")
    assert files(out) == ["edit.mp4", "look.json", "sheet.png"]
    expected = avatar.latent("me", hair="hair/ada", nose=("nose/ben", 0.3))
    look = load_look(out / "look.json", avatar)
    assert look.how == "me with hair:hair/ada, nose:nose/ben:0.3"
    assert all(np.array_equal(look.latent[name], expected[name]) for name in expected)
    video = frames(out)
    assert video.shape == (edit.HOLD, SIDE, SIDE, 3)
    for name in ("edit.mp4", "sheet.png"):
        assert source_type(out / name) == "trainedAlgorithmicMedia" and look.how in xmp(out / name)
    assert np.abs(video[5] - still(avatar, expected)).mean() < COMPRESSED


def test_the_sheet_shows_the_start_and_the_looks_at_rest(launch_edit, avatar):
    out = launch_edit("--swap=hair:hair/ada")
    sheet = cv2.imread(str(out / "sheet.png"))[..., ::-1].astype(int)
    pictures = [still(avatar, avatar.latent(look)) for look in ("me", "hair/ada")]
    assert np.abs(pictures[0] - pictures[1]).max() > 10
    top, left = np.array(sheet.shape[:2]) - SIDE - 4  # the last picture ends at the gap of 4 pixels
    for picture in reversed(pictures):
        np.testing.assert_array_equal(sheet[top : top + SIDE, left : left + SIDE], picture)
        left -= SIDE + 4


def test_an_interpolation_is_a_frame_per_step_and_bakes_each_once(launch_edit, avatar, monkeypatch):
    baked = []
    bake = avatar_module.TrainedPointAvatar.bake
    monkeypatch.setattr(avatar_module.TrainedPointAvatar, "bake", lambda self, z: baked.append(z) or bake(self, z))
    before = avatar_module._canonicalise._cache_size(), core_avatar._render._cache_size()
    out = launch_edit("--interpolate=hair:hair/ada>hair/cleo", "--steps=7", "--ping_pong")
    after = avatar_module._canonicalise._cache_size(), core_avatar._render._cache_size()
    assert len(baked) == 1 + 7
    assert all(now - then <= 1 for now, then in zip(after, before)), "one compilation for all looks"
    video = frames(out)
    assert len(video) == 14
    for index, name in ((0, "hair/ada"), (6, "hair/cleo"), (7, "hair/cleo"), (13, "hair/ada")):
        assert np.abs(video[index] - still(avatar, avatar.latent(name))).mean() < COMPRESSED
        assert shown(video[index], avatar) == name
    assert files(out) == ["edit.mp4", *(f"looks/{number:02d}.json" for number in range(1, 8)), "sheet.png"]
    last = load_look(out / "looks" / "07.json", avatar).latent
    np.testing.assert_array_equal(last["hair"], avatar.latent("hair/cleo")["hair"])
    height, width = cv2.imread(str(out / "sheet.png")).shape[:2]
    assert width == 6 * (SIDE + 4) + 4 and height > 2 * (SIDE + 4), "eight pictures, six of them in a row"


def test_samples_are_drawn_by_their_seed(launch_edit, avatar):
    out = launch_edit("--sample=hair", "--count=3", "--seed=4")
    assert files(out) == ["edit.mp4", "looks/01.json", "looks/02.json", "looks/03.json", "sheet.png"]
    assert len(frames(out)) == 3 * edit.HOLD
    for number in range(3):
        look = load_look(out / "looks" / f"0{number + 1}.json", avatar)
        assert look.how == f"me with hair sampled (seed 4, number {number + 1})"
        expected = avatar.sample("hair", seed=4, number=number)
        assert all(np.array_equal(look.latent[name], expected[name]) for name in expected)


def test_looks_move_as_a_dataset_folder_does(launch_edit, folders, avatar):
    out = launch_edit("--swap=nose:nose/ben", f"--drive={folders.data}", "--look=hair/ada")
    expected = clip.render_frames(
        avatar.bake(avatar.latent("hair/ada", nose="nose/ben")), clip.driven(avatar, folders.data, image_size=SIDE)
    )
    video = frames(out)
    assert len(video) == 10
    assert np.abs(video - np.stack(list(expected)).astype(int)).mean() < COMPRESSED
    assert files(out) == ["edit.mp4", "look.json", "sheet.png"]


@pytest.mark.parametrize("steps", [3, 14])
def test_an_interpolation_takes_the_length_of_the_motion(launch_edit, folders, avatar, steps):
    out = launch_edit("--interpolate=hair:me>hair/ada", f"--steps={steps}", "--ping_pong", f"--drive={folders.data}")
    video = frames(out)
    assert len(video) == 10
    filmed = list(clip.render_frames(avatar.bake(), clip.driven(avatar, folders.data, image_size=SIDE)))
    for index in (0, 9):
        assert np.abs(video[index] - filmed[index].astype(int)).mean() < COMPRESSED
    assert len(list((out / "looks").iterdir())) == steps


def test_every_sample_goes_through_the_whole_motion(launch_edit, folders):
    assert len(frames(launch_edit("--sample=hair", "--count=2", f"--drive={folders.data}"))) == 20


def test_a_look_file_is_a_start_for_further_edits(launch_edit, avatar, tmp_path):
    first = launch_edit("--swap=hair:hair/ada").rename(tmp_path / "first")
    out = launch_edit("--swap=nose:nose/ben", f"--look={first / 'look.json'}")
    look = load_look(out / "look.json", avatar)
    assert look.how == "me with hair:hair/ada with nose:nose/ben"
    np.testing.assert_array_equal(look.latent["hair"], avatar.latent("hair/ada")["hair"])


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (
            ["--swap=hair:nose/ben"],
            "nose/ben is a look of nose, not of hair; for hair there are me, hair/ada, hair/cleo",
        ),
        (["--swap=hair:hair/eve"], "no look named 'hair/eve'; it has me, hair/ada, hair/cleo, nose/ben"),
        (["--swap=hair:hair/ada:x"], "no look named 'hair/ada:x'"),
        (["--swap=hair:hair/ada:nan"], "weight of hair/ada for hair must be a finite number; got nan"),
        (["--swap=hiar:hair/ada"], "no category 'hiar'"),
        (["--interpolate=hair:hair/ada>nose/ben"], "nose/ben is a look of nose, not of hair"),
        (["--sample=nose"], r"Sampling nose needs two trained looks of it or more; the avatar has one \(nose/ben\)"),
        (["--sample=hair", "--look=hair/eve"], "no look named 'hair/eve'"),
        (["--sample=hair", "--look=gone.json"], "no look file at gone.json"),
        (["--sample=hair", "--drive=nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(launch_edit, tmp_path, arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        launch_edit(*arguments)
    assert not list(tmp_path.rglob("*edit*"))


def test_a_folder_that_holds_something_is_left_alone(launch_edit, tmp_path):
    (tmp_path / "out" / "edit").mkdir(parents=True)
    (tmp_path / "out" / "edit" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="already exists and is not empty"):
        launch_edit("--sample=hair")
    assert files(tmp_path) == ["out/edit/mine.txt"]
