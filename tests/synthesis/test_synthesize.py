"""A swapped folder from end to end, on an avatar with random networks: what is in it, and what is refused."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

import launch
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import load_frames
from pegasus_jax.data.pictures import write_png
from pegasus_jax.errors import UserError
from pegasus_jax.families.points.render import SHADING_GAIN
from pegasus_jax.flame import load_head
from pegasus_jax.inference import load
from pegasus_jax.synthesis import masks, synthesize
from pegasus_jax.synthesis.bald import BaldFrame
from pegasus_jax.synthesis.part_share import part_share
from pegasus_jax.synthesis.performance import perform
from pegasus_jax.synthesis.plan import read_plan, run_plan
from pegasus_jax.synthesis.stable_diffusion import DiffusionModels
from tests.inference.untrained import write_run
from tests.media.said import source_type
from tests.training import tiny


def add_mouths(folder, mouth) -> None:
    """Masks of the mouth: the same (24, 24) bool in every frame."""
    for number in read_dataset(folder).numbers.tolist():
        write_png(folder / "parts" / "mouth" / f"{number}.png", 255 * mouth.astype(np.uint8))


def write_target(out, folders):
    """Six frames of another clip on the same head, with a small mouth in the middle."""
    tiny.write_dataset(out, head=load_head(folders.head), num_frames=6)
    mouth = np.zeros((24, 24), bool)
    mouth[12:15, 9:15] = True
    add_mouths(out, mouth)
    return out


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """An avatar that is all mouth on its left side, so that its mouth is seen in any pose."""
    folders = write_run(tmp_path_factory.mktemp("donor"))
    left = np.zeros((24, 24), bool)
    left[:, :12] = True
    add_mouths(folders.data, left)
    return folders


@pytest.fixture(scope="module")
def target(folders, tmp_path_factory):
    return write_target(tmp_path_factory.mktemp("target") / "you", folders)


def swap(folders, target, out, **changes):
    options = {"donor": folders.run, "attribute": "mouth", "head": folders.head, "out": out}
    synthesize(target, **options | changes)
    return read_dataset(out)


@pytest.fixture(scope="module")
def swapped(folders, target, tmp_path_factory):
    return swap(folders, target, tmp_path_factory.mktemp("out") / "you__mouth", target_avatar=folders.run)


def test_the_folder_is_the_targets_clip_with_a_new_part(swapped, target):
    clip = read_dataset(target)
    for name in ("pose", "expression", "world_mat", "betas", "numbers"):
        np.testing.assert_allclose(getattr(swapped, name), getattr(clip, name), atol=1e-6)
    synthesis = swapped.capture["synthesis"]
    assert (synthesis["attribute"], synthesis["donor"], synthesis["target"]) == ("mouth", "run", "you")
    assert synthesis["dropped"] == {} and set(synthesis["flicker"]) == {"composed", "target"}
    assert swapped.capture["head"] == clip.capture["head"]
    for name in ("image/1.png", "normal/1.png", "figures/before_after.png"):
        assert source_type(swapped.folder / name) == "compositeWithTrainedAlgorithmicMedia"
    assert source_type(swapped.folder / "mask" / "1.png") is None
    new = swapped.parts("mouth")
    assert new.any() and not np.array_equal(new, clip.parts("mouth"))
    assert not swapped.parts("eyes")[new == 255].any(), "what the new part covers is no longer seen"


def test_nothing_changes_away_from_the_old_and_the_new_part(swapped, target):
    clip = read_dataset(target)
    for index in range(len(clip)):
        near = (clip.parts("mouth")[index] > 0) | (swapped.parts("mouth")[index] > 0)
        far = ~masks.grow(near, 2)
        assert far.mean() > 0.2
        np.testing.assert_array_equal(swapped.images()[index][far], clip.images()[index][far])
    np.testing.assert_array_equal(swapped.masks(), clip.masks())


def test_a_point_belongs_to_the_part_where_it_is_seen(folders):
    """Votes by hand: where a point's largest weights lie decides its share."""
    avatar = load(folders.run)
    frames = load_frames(read_dataset(folders.data), np.arange(10), image_size=(24, 24))
    baked = avatar.bake()
    left = np.zeros((10, 24, 24), np.uint8)
    left[:, :, :12] = 255
    share = part_share(baked, frames, left).of_point
    assert share.min() >= 0 and share.max() <= 1
    np.testing.assert_allclose(share + part_share(baked, frames, 255 - left).of_point, 1.0, atol=1e-4)
    whole = part_share(baked, frames, np.full_like(left, 255)).of_point
    np.testing.assert_allclose(whole, 1.0, atol=1e-4)
    assert (share > 0.9).any() and (share < 0.1).any()


def test_a_part_is_lent_in_the_colour_that_its_pixels_show(folders):
    """Whatever the networks say of it: the left half of every frame is painted."""
    baked = load(folders.run).bake()
    frames = load_frames(read_dataset(folders.data), np.arange(10), image_size=(24, 24))
    left = np.zeros((10, 24, 24), np.uint8)
    left[:, :, :12] = 255
    image = np.where(left[..., None] > 0, np.uint8([60, 20, 10]), np.uint8([0, 255, 0]))
    frames = dataclasses.replace(frames, image=image)
    share = part_share(baked, frames, left)
    is_part = share.is_part
    assert is_part.any() and not is_part.all()
    albedo = share.base_colours
    np.testing.assert_array_equal(albedo[~is_part], np.asarray(baked.points.albedo)[~is_part])
    params = FlameParams(baked.betas * 0.0, jnp.asarray(frames.expression[0]), jnp.asarray(frames.pose[0]))
    shading = np.asarray(baked.frame_points(params).shading)[is_part]
    colour = SHADING_GAIN * shading * albedo[is_part]
    np.testing.assert_allclose(np.median(colour, axis=0), np.array([60, 20, 10]) / 255, atol=0.05)


def test_what_no_frame_ever_showed_of_a_part_does_not_come_out_when_the_rest_is_taken_away(folders, target):
    baked, clip = load(folders.run).bake(), read_dataset(folders.data)
    frames = load_frames(clip, np.arange(10), image_size=(24, 24))
    share = part_share(baked, frames, np.full((10, 24, 24), 255, np.uint8))
    assert share.is_seen.any() and not share.is_seen.all()
    drawn = next(perform(baked, share, clip)).alone
    assert drawn.alpha.max() > 0.5
    unseen = dataclasses.replace(share, is_seen=np.zeros_like(share.is_seen))
    assert next(perform(baked, unseen, clip)).alone.alpha.max() == 0.0


def test_frames_without_the_part_are_dropped_with_the_reason(folders, target, tmp_path):
    hidden = write_target(tmp_path / "you", folders)
    write_png(hidden / "parts" / "mouth" / "2.png", np.zeros((24, 24), np.uint8))
    swapped = swap(folders, hidden, tmp_path / "out")
    assert swapped.capture["synthesis"]["dropped"] == {"2": "the target's mouth cannot be seen"}
    assert 2 not in swapped.numbers.tolist() and len(swapped) == 5


def test_hair_sits_on_bald_frames_made_elsewhere(folders, target, tmp_path):
    clip = read_dataset(target)
    for number in clip.numbers.tolist():
        write_png(tmp_path / "bald" / f"{number}.png", np.full((24, 24, 3), 77, np.uint8))
        write_png(tmp_path / "bald" / "mask" / f"{number}.png", np.zeros((24, 24), np.uint8))
    swapped = swap(folders, target, tmp_path / "out", attribute="hair", bald=tmp_path / "bald")
    new, old = swapped.parts("hair")[0] > 0, clip.parts("hair")[0] > 0
    assert new.any()
    bare = old & ~new
    if bare.any():
        np.testing.assert_array_equal(swapped.images()[0][bare], 77)
        assert not swapped.masks()[0][bare].any()


def test_hair_sits_on_frames_that_a_diffusion_model_paints(folders, target, tmp_path, monkeypatch):
    asked = []

    def painted(clip, *, folder, models):
        asked.append((folder, models))
        nothing = np.zeros((24, 24), np.uint8)
        return lambda index: BaldFrame(np.full((24, 24, 3), 77, np.uint8), nothing, clip.parts("hair")[index] > 0)

    monkeypatch.setattr("pegasus_jax.synthesis.diffusion.painted", painted)
    flags = [f"--target={target}", f"--donor={folders.run}", "--attribute=hair", f"--out={tmp_path / 'out'}"]
    flags += ["--bald=diffusion", f"--head={folders.head}", "--diffusion_controlnet=inpainting"]
    assert launch.main(["synthesize", *flags]) == 0
    assert asked == [(tmp_path / "you.bald", DiffusionModels(controlnet="inpainting"))]
    swapped = read_dataset(tmp_path / "out")
    bare = (read_dataset(target).parts("hair")[0] > 0) & (swapped.parts("hair")[0] == 0)
    assert bare.any() and (swapped.images()[0][bare] == 77).all()


def test_an_exported_avatar_lends_too(folders, target, tmp_path):
    load(folders.run).save(tmp_path / "ada.npz")
    with pytest.raises(UserError, match="name the donor's dataset with --donor_data"):
        swap(folders, target, tmp_path / "out", donor=tmp_path / "ada.npz")
    swapped = swap(folders, target, tmp_path / "out", donor=tmp_path / "ada.npz", donor_data=folders.data)
    assert swapped.look == "mouth/ada"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"attribute": "beard"}, "There is no attribute 'beard'"),
        ({"attribute": "nose"}, "has no masks of 'nose'; capture it again"),
        ({"donor": "gone"}, "gone is not a work folder"),
        ({"attribute": "hat"}, "has no masks of 'hat'; name a folder of them: --parts=hat=FOLDER"),
        ({"attribute": "hair", "bald": "nowhere"}, "--bald=nowhere is neither inpaint nor diffusion nor a folder"),
    ],
)
def test_mistakes_are_told(folders, target, tmp_path, changes, sentence):
    import pathlib

    changes = {name: pathlib.Path(value) if name == "donor" else value for name, value in changes.items()}
    with pytest.raises(UserError, match=sentence):
        swap(folders, target, tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


def test_a_target_of_another_head_is_refused(folders, target, tmp_path):
    other = tiny.write_head(tmp_path / "other.npz", seed=5)
    with pytest.raises(UserError, match=r"was captured with the head model .*, not with"):
        swap(folders, target, tmp_path / "out", head=other)


def test_a_plan_does_each_job_once_and_goes_on_after_a_mistake(folders, target, tmp_path, capsys):
    job = {"target": str(target), "donor": str(folders.run), "attribute": "mouth", "head": str(folders.head)}
    jobs = [job | {"out": "one"}, job | {"out": "two", "attribute": "nose"}, job | {"out": "three"}]
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(jobs))
    assert launch.main(["synthesize", f"--plan={plan}"]) == 2
    assert "two: " in capsys.readouterr().err
    first = (tmp_path / "one" / "capture.json").stat().st_mtime_ns
    assert len(read_dataset(tmp_path / "three")) == 6
    plan.write_text(json.dumps([jobs[0], jobs[2]]))
    assert launch.main(["synthesize", f"--plan={plan}"]) == 0
    assert capsys.readouterr().out.count("done before") == 2
    assert (tmp_path / "one" / "capture.json").stat().st_mtime_ns == first


def test_a_job_that_another_process_holds_is_left_to_it(folders, target, tmp_path, capsys):
    import fcntl

    job = {"target": str(target), "donor": str(folders.run), "attribute": "mouth", "out": "one"}
    (tmp_path / "plan.json").write_text(json.dumps([job]))
    with (tmp_path / ".one.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert launch.main(["synthesize", f"--plan={tmp_path / 'plan.json'}"]) == 0
    assert "another process is at it" in capsys.readouterr().out
    assert not (tmp_path / "one").exists()


def test_the_shares_of_an_array_are_all_jobs_once(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr("pegasus_jax.synthesis.plan.synthesize", lambda **job: done.append(job["out"].name))
    job = {"target": "me", "donor": "ada", "attribute": "hair"}
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps([job | {"out": str(number)} for number in range(7)]))
    for index in range(3):
        run_plan(plan, array_index=index, array_size=3)
    assert done == ["0", "3", "6", "1", "4", "2", "5"]
    with pytest.raises(UserError, match="--array_index=3 must be one of 0 to 2, as --array_size=3"):
        run_plan(plan, array_index=3, array_size=3)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "cannot be read as json"),
        ('{"out": 1}', "must be a list of jobs"),
        ('[{"target": "a", "donor": "b", "out": "c"}]', "job 1 has no 'attribute'"),
        ('[{"target": "a", "donor": "b", "out": "c", "attribute": "beard"}]', "there is no attribute 'beard'"),
        ('[{"target": "a", "donor": "b", "out": "c", "attribute": "hair", "x": 1}]', "unknown key 'x'"),
        (
            json.dumps([{"target": "a", "donor": "b", "out": "c", "attribute": "hair"}] * 2),
            "two jobs write to the same",
        ),
        ('[{"target": "a", "donor": "b", "out": "../c", "attribute": "hair"}]', "job 1 writes to"),
        ('[{"target": "a", "donor": 3, "out": "c", "attribute": "hair"}]', "job 1: donor must be a text"),
        ('[{"target": "a", "donor": "b", "out": "c", "attribute": ["hair"]}]', "job 1: attribute must be a text"),
    ],
)
def test_plans_that_are_none_are_told(tmp_path, content, sentence):
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(UserError, match=sentence):
        read_plan(tmp_path / "plan.json")


def test_all_paths_of_a_plan_are_relative_to_it(tmp_path):
    job = {"target": "a", "donor": "b", "out": "c", "attribute": "hair", "donor_data": "d"}
    (tmp_path / "plan.json").write_text(json.dumps([job | {"bald": "e"}, job | {"bald": "diffusion", "out": "f"}]))
    first, second = read_plan(tmp_path / "plan.json")
    assert first == {
        "target": tmp_path / "a",
        "donor": tmp_path / "b",
        "out": tmp_path / "c",
        "attribute": "hair",
        "donor_data": tmp_path / "d",
        "bald": tmp_path / "e",
    }
    assert second["bald"] == "diffusion"


def test_the_command_asks_for_what_is_missing(tmp_path, capsys):
    assert launch.main(["synthesize", "--target=a"]) == 2
    assert "please give --donor and --attribute and --out, or --plan" in capsys.readouterr().err
    assert launch.main(["synthesize", "--target=a", "--plan=b"]) == 2
    assert "takes either --plan or" in capsys.readouterr().err
    flags = ["--target=a", "--donor=b", "--attribute=hat", "--out=c", "--parts=hair=x"]
    assert launch.main(["synthesize", *flags]) == 2
    assert "--parts=hair=x must be hat=FOLDER" in capsys.readouterr().err
