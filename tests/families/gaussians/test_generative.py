"""A person with looks as the loop and the commands see it: two stages, continued, opened, edited, and written."""

import dataclasses
import json
import pathlib

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest

import pegasus_jax as pj
from pegasus_jax import config
from pegasus_jax.core import metrics
from pegasus_jax.core.latents import CATEGORIES
from pegasus_jax.core.model import initial_state
from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import load_frames
from pegasus_jax.editing import Look
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import reconstruction
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.flame import load_head
from pegasus_jax.inference import checkpoint, clip, export
from pegasus_jax.inference.look_file import load_look, save_look
from pegasus_jax.training import loop, train
from pegasus_jax.training.parallel import DataParallel
from pegasus_jax.training.settings import from_config, with_looks
from pegasus_jax.training.step import Step
from tests.training import tiny

OPTIONS = {"look": None, "frame": 1, "sequence": False, "dtype": "float32", "image_size": 32}
FOLDERS = ("me", "x1", "x2", "x3")


def _config(**changes) -> ml_collections.ConfigDict:
    found = config.load_config("configs/gaussians_laptop.py:generative,quick").unlock()
    found.update(image_size=tiny.SIDE, on_surface=300, on_shell=60, on_look=40, num_bases=2, hidden=4)
    found.update(stage_one_frames=64, total_frames=256, coarse=())
    found.every = ml_collections.ConfigDict({"log": 64, "checkpoint": 128})
    found.update(changes)
    return found.lock()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("looks")
    data = [
        tiny.write_dataset(folder / "me"),
        tiny.write_swapped(folder / "x1", "hair", "ada"),
        tiny.write_swapped(folder / "x2", "nose", "ben"),
        tiny.write_swapped(folder / "x3", "nose", "cleo"),
    ]
    train(_config(), data=data, workdir=folder / "run", head=tiny.write_head(folder / "head.npz"))
    return folder


@pytest.fixture(scope="module")
def avatar(run):
    return pj.load(run / "run")


def _psnr(avatar, look, folder, where) -> float:
    frames = load_frames(read_dataset(folder), np.array([8, 9]), image_size=(tiny.SIDE, tiny.SIDE))
    drawn = reconstruction.render_drive(avatar.bake(avatar.latent(look)), reconstruction.drive_of(frames)).image
    pairs = zip(np.asarray(drawn), np.asarray(frames.over_white()), where(frames))
    return float(np.mean([metrics.masked_psnr(*three) for three in pairs]))


@pytest.mark.parametrize("look, folder", [("hair/ada", "x1"), ("nose/ben", "x2")])
def test_a_look_shows_its_part(run, avatar, look, folder):
    inside = [_psnr(avatar, name, run / folder, lambda frames: frames.seg / 255.0) for name in (None, look)]
    assert inside[1] > inside[0] + 3.0


def test_it_is_opened_by_its_family_and_reported(run, avatar):
    assert avatar.description.family == "gaussians" and avatar.capabilities >= {"looks", "primitives"}
    assert avatar.looks == ("me", "hair/ada", "nose/ben", "nose/cleo")
    figures = evaluate_run(run / "run").figures("pictures")
    assert figures["tracked"]["psnr"] > figures["best constant colour"]["psnr"] + 2.0
    log = [json.loads(line) for line in (run / "run" / "metrics.jsonl").read_text().splitlines()]
    assert avatar.size == f"{log[-1]['gaussians']} Gaussians"


def test_a_look_leaves_alone_what_is_not_its_part(avatar):
    plain, worn = avatar.bake(), avatar.bake(avatar.latent("nose/ben"))
    changed = np.any(np.asarray(plain.params.colour != worn.params.colour), axis=0)
    changed |= np.asarray(plain.params.opacity_logit != worn.params.opacity_logit)
    changed |= np.any(np.asarray(plain.params.offset != worn.params.offset), axis=0)
    of_nose = np.asarray(avatar.reach.mask)[1] > 0
    assert changed.any() and not changed[~of_nose].any() and not of_nose.all()


def test_parts_join_and_looks_in_between_are_on_the_line(avatar):
    both = avatar.latent("me", hair="hair/ada", nose="nose/ben")
    assert {name for name in CATEGORIES if np.asarray(both[name]).any()} == {"hair", "nose"}
    half = avatar.bake(avatar.latent("me", nose=("nose/ben", 0.5))).params
    ends = [avatar.bake(avatar.latent(look)).params for look in ("me", "nose/ben")]
    np.testing.assert_allclose(half.offset, 0.5 * (ends[0].offset + ends[1].offset), atol=1e-5)
    drawn = avatar.sample("nose", seed=0)
    assert np.asarray(drawn["nose"]).any() and not np.asarray(drawn["hair"]).any()
    with pytest.raises(UserError, match="needs two trained looks"):
        avatar.sample("hair", seed=0)


def test_files_hold_the_same_avatar_and_the_same_look(run, avatar):
    avatar.save(run / "me.npz")
    again = pj.load(run / "me.npz")
    assert again.fingerprint == avatar.fingerprint
    save_look(run / "look.json", Look("me", avatar.latent("nose/cleo")), avatar)
    latent = load_look(run / "look.json", again).latent
    motion = clip.driven(avatar, run / "me", image_size=32)
    pictures = [next(clip.render_frames(one.bake(latent), motion)) for one in (avatar, again)]
    assert np.array_equal(*pictures) and pictures[0].std() > 5
    arrays = {name: array for name, array in avatar.arrays().items() if name != "looks.maps.colour"}
    np.savez(run / "lacking.npz", **arrays)
    with pytest.raises(UserError, match=r"looks\.maps\.colour"):
        pj.load(run / "lacking.npz")


def test_a_look_is_exported(run):
    options = OPTIONS | {"look": "hair/ada"}
    export.export_avatar(run / "run", "splats", out=run / "ada.ply", drive=run / "me", **options)
    export.export_avatar(run / "run", "baked", out=run / "ada.npz", drive=None, **options)
    assert (run / "ada.ply").stat().st_size > 10_000 and (run / "ada.npz").is_file()


def test_steps_of_part_swapped_frames_teach_their_category_alone(run):
    datasets = [read_dataset(run / name) for name in FOLDERS]
    swapped = [run / name for name in FOLDERS[1:]]
    settings = with_looks(from_config(_config()), ("hair", "nose", "nose"), swapped=swapped)
    videos = loop.load_videos(datasets, settings)
    model = loop.make_model(settings, load_head(run / "head.npz"), videos, betas=tiny.BETAS)
    state = model.change(initial_state(model, overlaps_per_point=settings.overlaps_per_point), 64, 2)
    state = dataclasses.replace(state, frames_seen=jnp.int32(64))
    parallel = DataParallel(jax.devices()[:1])
    step = parallel.wrap(Step(model, 0, True, settings.overlaps_per_point))

    def after(look):
        batch = parallel.split(videos.train.batch(np.flatnonzero(videos.train.look == look)[:2]))
        return parallel.unreplicate(step(parallel.replicate(state), batch, parallel.replicate(model.constants))[0])

    nose = after(3)
    for before, now in zip(jax.tree.leaves(state.params.person), jax.tree.leaves(nose.params.person)):
        np.testing.assert_array_equal(before, now)
    moved = np.asarray(nose.params.looks.maps.colour != state.params.looks.maps.colour).any(axis=(1, 2))
    assert not moved[0].any() and moved[1].any()  # hair, nose
    assert not moved[1][np.asarray(state.primitives.reach.mask)[1] == 0].any()
    np.testing.assert_array_equal(nose.params.looks.codes[:2], state.params.looks.codes[:2])
    filmed = after(0)
    assert not np.array_equal(filmed.params.person.colour, state.params.person.colour)
    for before, now in zip(jax.tree.leaves(state.params.looks), jax.tree.leaves(filmed.params.looks)):
        np.testing.assert_array_equal(before, now)


def test_a_run_stopped_in_its_second_stage_ends_as_one_that_was_not(run, tmp_path):
    class Stop(Exception):
        pass

    def stop(self):
        raise Stop

    data = [run / name for name in FOLDERS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._Run, "_draw", stop)
        with pytest.raises(Stop):
            train(_config(), data=data, workdir=tmp_path / "run", head=run / "head.npz")
    assert checkpoint.read_newest(tmp_path / "run")["frames_seen"] == 128
    train(_config(), data=data, workdir=tmp_path / "run", head=run / "head.npz")
    resumed, straight = (checkpoint.read_newest(folder / "run") for folder in (tmp_path, run))
    for name in straight:
        np.testing.assert_array_equal(resumed[name], straight[name], err_msg=name)


def test_frames_of_two_looks_never_share_a_step(run, tmp_path):
    coarse = ({"until": 128, "image_size": 12, "batch_size": 4},)
    with pytest.raises(UserError, match="have to end by stage_one_frames"):
        train(_config(coarse=coarse), data=[run / "me", run / "x1"], workdir=tmp_path / "run", head=run / "head.npz")
