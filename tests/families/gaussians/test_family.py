"""Gaussians as the loop and the commands see them: a run that is killed and continued, opened, driven, and written."""

import dataclasses
import json
import pathlib

import ml_collections
import numpy as np
import pytest

import pegasus_jax as pj
from pegasus_jax import config
from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.inference import clip, export
from pegasus_jax.inference.retrack import retrack_clip
from pegasus_jax.training import loop, train
from tests.training import tiny

from . import splat_viewer

OPTIONS = {"look": None, "frame": 1, "sequence": False, "dtype": "float32", "image_size": 32}
TOTAL = 128


def _config() -> ml_collections.ConfigDict:
    found = config.load_config("configs/gaussians_laptop.py:quick").unlock()
    found.update(total_frames=TOTAL, image_size=tiny.SIDE, on_surface=300, on_shell=60, num_bases=2, hidden=4)
    found.coarse = ({"until": 32, "image_size": 12, "batch_size": 4},)
    found.every = ml_collections.ConfigDict({"log": 32, "checkpoint": 64})
    return found.lock()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("gaussians")
    data, head = tiny.write_dataset(folder / "me"), tiny.write_head(folder / "head.npz")
    train(_config(), data=[data], workdir=folder / "run", head=head)
    return folder


def test_it_learns_and_is_opened_by_its_family(run):
    avatar = pj.load(run / "run")
    assert avatar.description.family == "gaussians" and avatar.looks == ("me",)
    assert (
        avatar.size
        == f"{json.loads((run / 'run' / 'metrics.jsonl').read_text().splitlines()[-1])['gaussians']} Gaussians"
    )
    figures = evaluate_run(run / "run").figures("pictures")
    assert figures["tracked"]["psnr"] > figures["best constant colour"]["psnr"] + 2.0
    assert figures["re-tracked"]["psnr"] > figures["tracked"]["psnr"]


def test_its_file_is_the_same_avatar(run):
    avatar = pj.load(run / "run")
    avatar.save(run / "me.npz")
    again = pj.load(run / "me.npz")
    assert again.fingerprint == avatar.fingerprint
    motion = clip.driven(avatar, run / "me", image_size=32)
    first, second = (next(clip.render_frames(one.bake(), motion)) for one in (avatar, again))
    assert np.array_equal(first, second) and first.std() > 5


def test_a_file_that_lacks_an_array_is_damaged(run):
    avatar = pj.load(run / "run")
    arrays = {name: array for name, array in avatar.arrays().items() if name != "binding.bary"}
    np.savez(run / "lacking.npz", **arrays)
    with pytest.raises(UserError, match=r"binding\.bary"):
        pj.load(run / "lacking.npz")


@pytest.mark.parametrize(
    ("name", "spoil", "sentence"),
    [
        ("params.offset", lambda array: array * np.nan, r"params\.offset has values that are not between"),
        (
            "params.log_scale",
            lambda array: array + 100,
            r"params\.log_scale has values that are not between -40",
        ),
        ("params.colour", lambda array: array[:, 1:], r"params\.colour must have the shape"),
        ("params.bases.offset", lambda array: array[1:], r"params\.bases\.\w+ must have the shape"),
        ("binding.faces_idx", lambda array: array + 10**6, "binding must name triangles of the head's"),
        ("binding.faces_idx", lambda array: array - 10**6, r"binding\.faces_idx has values"),
        ("binding.bary", lambda array: array * 0.5, "binding must name triangles of the head's"),
        ("driving", lambda array: array * 0.0, "driving has deviations that are not above 0"),
        ("driving", lambda array: array[:2], r"driving must have the shape \(4, 62\)"),
        ("seen", lambda array: array.astype(int), "seen holds int64, not bool"),
    ],
)
def test_arrays_that_no_avatar_has_are_named(run, tmp_path, name, spoil, sentence):
    arrays = pj.load(run / "run").arrays()
    np.savez(tmp_path / "me.npz", **(arrays | {name: spoil(arrays[name])}))
    with pytest.raises(UserError, match=sentence):
        pj.load(tmp_path / "me.npz")


def test_another_viewer_shows_the_file_as_it_is_shown_here(run):
    export.export_avatar(run / "run", "splats", out=run / "me.ply", drive=run / "me", **OPTIONS)
    avatar, side = pj.load(run / "run"), tiny.SIDE
    motion = clip.driven(avatar, run / "me", image_size=side).frames(0)
    ours = np.asarray(avatar.render(motion.params, motion.cameras).image)
    flip = np.diag([1.0, -1.0, -1.0])  # the file's axes are a picture's
    T_camera_world = np.asarray(motion.cameras.T_camera_world, np.float64)
    theirs = splat_viewer.draw(
        splat_viewer.read_ply(run / "me.ply"),
        T_camera_world[:, :3] @ flip,
        T_camera_world[:, 3],
        np.asarray(motion.cameras.intrinsics),
        side,
    )
    assert -10.0 * np.log10(np.mean((ours - theirs) ** 2)) > 40.0
    assert np.mean((theirs - 1.0) ** 2) > 0.01, "a blank picture is like another"


def test_what_it_cannot_do_is_one_sentence(run):
    swapped = tiny.write_swapped(run / "me__hair_ada", "hair", "ada")
    with pytest.raises(UserError, match="no second stage"):
        train(_config(), data=[run / "me", swapped], workdir=run / "swapped", head=run / "head.npz")


def test_its_own_clip_is_tracked_anew(run):
    found = retrack_clip(run / "run", run / "me", run / "me_tracked")
    assert found.after > found.before + 0.5
    again = read_dataset(run / "me_tracked")
    before = read_dataset(run / "me")
    assert np.array_equal(again.images(), before.images()) and np.array_equal(again.numbers, before.numbers)
    assert 0.0 < np.abs(again.pose - before.pose).max() < 0.5
    with pytest.raises(UserError, match="the folder that is read"):
        retrack_clip(run / "run", run / "me", run / "me")


def test_a_clip_tracked_by_another_head_is_refused(run, tmp_path):
    head = dataclasses.replace(pj.load(run / "run").head, sha256="0" * 64, name="x")
    other = tiny.write_dataset(tmp_path / "other", head=head)
    with pytest.raises(UserError, match="captured with the head model x"):
        retrack_clip(run / "run", other, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_continued_run_ends_as_one_that_was_never_stopped(run, tmp_path):
    class Stop(Exception):
        pass

    with pytest.MonkeyPatch.context() as patch:
        drawn = []

        def stop(self):
            drawn.append(self.seen)
            raise Stop

        patch.setattr(loop._Run, "_draw", stop)
        with pytest.raises(Stop):
            train(_config(), data=[run / "me"], workdir=tmp_path / "run", head=run / "head.npz")
    assert drawn == [64]
    train(_config(), data=[run / "me"], workdir=tmp_path / "run", head=run / "head.npz")
    first, second = pj.load(run / "run").arrays(), pj.load(tmp_path / "run").arrays()
    assert first.keys() == second.keys()
    for name in first.keys() - {"description"}:
        assert np.array_equal(first[name], second[name]), name
