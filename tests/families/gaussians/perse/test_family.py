"""PERSE as the loop and the commands see it: two stages, killed and continued, opened, edited, driven, and written."""

import json
import pathlib

import ml_collections
import numpy as np
import pytest

import pegasus_jax as pj
from pegasus_jax import config
from pegasus_jax.core.latents import PERSE_CATEGORIES
from pegasus_jax.editing import Look
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.inference import checkpoint, clip, export
from pegasus_jax.inference.look_file import load_look, save_look
from pegasus_jax.training import loop, train
from tests.training import tiny

OPTIONS = {"look": None, "frame": 1, "sequence": False, "dtype": "float32", "image_size": 32}
EPOCH, TOTAL = 32, 192


def _config(**changes) -> ml_collections.ConfigDict:
    found = config.load_config("configs/perse.py:quick").unlock()
    found.update(image_size=tiny.SIDE, epoch=EPOCH, stage_one_frames=EPOCH, total_frames=TOTAL)
    found.every = ml_collections.ConfigDict({"log": EPOCH, "checkpoint": 3 * EPOCH})
    found.networks.update(canonical_width=96, canonical_depth=3, octaves=2, code_size=2)
    found.networks.update(deformation_width=16, deformation_depth=2, pose_width=16, max_scale=0.2)
    found.schedule.update(init="sphere", targets=((0, 200), (2, 300)))  # of the disc's size: the head is larger
    found.rates.networks = found.rates.codes = 2e-3
    found.rates.update(frames=1e-3)
    found.update(changes)
    return found.lock()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("perse")
    data = [
        tiny.write_dataset(folder / "me"),
        tiny.write_swapped(folder / "x1", "hair", "ada"),
        tiny.write_swapped(folder / "x2", "nose", "ben"),
    ]
    train(_config(), data=data, workdir=folder / "run", head=tiny.write_head(folder / "head.npz"))
    return folder


def test_it_learns_and_is_opened_by_its_family(run):
    avatar = pj.load(run / "run")
    assert avatar.description.family == "perse" and avatar.looks == ("me", "hair/ada", "nose/ben")
    log = [json.loads(line) for line in (run / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [entry["gaussians"] for entry in log] == [200, 200, 300, 300, 300, 300]
    floors = [entry["floor"] for entry in log]
    assert floors == sorted(floors, reverse=True) and floors[-1] < 0.7 * floors[0]
    assert avatar.size == "300 Gaussians"
    figures = evaluate_run(run / "run").figures("pictures")
    assert figures["tracked"]["psnr"] > figures["best constant colour"]["psnr"] + 1.0
    assert log[-1]["latent"] > 0.0


def test_codes_have_names_and_change_the_picture(run):
    avatar = pj.load(run / "run")
    filmed, ada = avatar.latent(), avatar.latent("hair/ada")
    assert tuple(filmed) == PERSE_CATEGORIES
    assert {name for name in filmed if not np.array_equal(filmed[name], ada[name])} == {"hair"}
    assert np.array_equal(filmed["hat"], filmed["beard"]) and not np.array_equal(filmed["nose"], filmed["skin"])
    both = avatar.latent("me", hair="hair/ada", nose=("nose/ben", 0.5))
    motion = clip.driven(avatar, run / "me", image_size=32).frames(0)
    frame = motion.params, motion.cameras
    pictures = [np.asarray(avatar.render(*frame, latent=z).image) for z in (filmed, ada, both)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(pictures[one] - pictures[other]).max() > 1e-3
    with pytest.raises(UserError, match="no category 'ears'"):
        avatar.latent("me", ears="hair/ada")


def test_looks_are_kept_in_files(run):
    avatar = pj.load(run / "run")
    latent = avatar.latent("me", hair=("hair/ada", 0.4))
    save_look(run / "look.json", Look("me", latent), avatar)
    again = load_look(run / "look.json", avatar).latent
    assert all(np.array_equal(again[name], latent[name]) for name in latent)


def test_its_file_is_the_same_avatar(run):
    avatar = pj.load(run / "run")
    avatar.save(run / "me.npz")
    again = pj.load(run / "me.npz")
    assert again.fingerprint == avatar.fingerprint
    motion = clip.driven(avatar, run / "me", image_size=32)
    first, second = (next(clip.render_frames(one.bake(), motion)) for one in (avatar, again))
    assert np.array_equal(first, second) and first.std() > 5


@pytest.mark.parametrize("lost, message", [("points", "no array 'points'"), ("networks.pose.trunk.0", "pose.trunk.0")])
def test_a_file_that_lacks_an_array_is_damaged(run, lost, message):
    arrays = pj.load(run / "run").arrays()
    np.savez(run / "lacking.npz", **{name: array for name, array in arrays.items() if not name.startswith(lost)})
    with pytest.raises(UserError, match=message):
        pj.load(run / "lacking.npz")


def test_a_frame_of_it_is_exported_and_what_it_cannot_do_is_one_sentence(run):
    export.export_avatar(run / "run", "splats", out=run / "me.ply", drive=run / "me", **OPTIONS)
    assert b"element vertex 300" in (run / "me.ply").read_bytes()
    with pytest.raises(UserError, match=r"baked needs an avatar .* this one is of perse"):
        export.export_avatar(run / "run", "baked", out=run / "baked.npz", drive=None, **OPTIONS)


def test_a_part_without_a_slot_is_refused_before_training(run, tmp_path):
    swapped = tiny.write_swapped(tmp_path / "x", "ears", "ada")
    with pytest.raises(UserError, match="no slot for ears"):
        train(_config(), data=[run / "me", swapped], workdir=tmp_path / "run", head=run / "head.npz")
    assert not (tmp_path / "run").exists()


def test_a_look_is_edited_gaussian_by_gaussian(run):
    baked = pj.load(run / "run").bake()
    red, sure = np.tile([0.9, 0.1, 0.1], (300, 1)), np.full(300, 0.7)
    changed = baked.edited(colours=red, opacities=sure, offsets=np.full((300, 3), 0.01))
    np.testing.assert_allclose(changed.base_colours, red, atol=1e-5)
    np.testing.assert_allclose(changed.opacities, sure, atol=1e-5)
    moved = changed.canonical.rest.positions_rest - baked.canonical.rest.positions_rest
    np.testing.assert_allclose(moved, 0.01, atol=1e-6)


def test_a_continued_run_ends_as_one_that_was_never_stopped(run, tmp_path):
    class Stop(Exception):
        pass

    def stop(self):
        raise Stop

    data = [run / name for name in ("me", "x1", "x2")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._Run, "_draw", stop)
        with pytest.raises(Stop):
            train(_config(), data=data, workdir=tmp_path / "run", head=run / "head.npz")
    assert checkpoint.read_newest(tmp_path / "run")["frames_seen"] == TOTAL // 2
    train(_config(), data=data, workdir=tmp_path / "run", head=run / "head.npz")
    resumed, straight = (checkpoint.read_newest(folder / "run") for folder in (tmp_path, run))
    for name in straight:
        np.testing.assert_array_equal(resumed[name], straight[name], err_msg=name)
