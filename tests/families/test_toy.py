"""A new family needs a package and a name: `toy` trains, bakes, renders and exports without a line elsewhere."""

import ml_collections
import numpy as np
import pytest

import pegasus_jax as pj
from pegasus_jax import families
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.inference import clip, export
from pegasus_jax.training import train
from tests.training import tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(families._MODULES, "toy", "tests.families.toy")
        folder = tmp_path_factory.mktemp("toy")
        data, head = tiny.write_dataset(folder / "me"), tiny.write_head(folder / "head.npz")
        config = ml_collections.ConfigDict(
            {
                "preset": "toy",
                "family": "toy",
                "seed": 0,
                "total_frames": 96,
                "image_size": tiny.SIDE,
                "batch_size": 2,
                "test_fraction": 0.2,
                "random_background": False,
                "coarse": ({"until": 32, "image_size": 12, "batch_size": 4},),
                "every": {"log": 16, "checkpoint": 48},
                "rate": 0.05,
            }
        )
        train(config, data=[data], workdir=folder / "run", head=head)
        yield folder


def test_it_trains_and_is_opened_by_its_name(run):
    avatar = pj.load(run / "run")
    assert avatar.description.family == "toy" and avatar.looks == ("me",)
    figures = evaluate_run(run / "run").figures("pictures")
    assert figures["tracked"]["psnr"] > figures["best constant colour"]["psnr"] > 5.0


def test_it_is_rendered_driven_and_exported(run):
    avatar, out = pj.load(run / "run"), run / "me.ply"
    motion = clip.driven(avatar, run / "me", image_size=32)
    frames = list(clip.render_frames(avatar.bake(), motion))
    assert len(frames) == tiny.NUM_FRAMES and np.abs(frames[0].astype(int) - frames[3]).max() > 0
    options = {"look": None, "drive": None, "frame": 1, "sequence": False, "dtype": "float32", "image_size": 32}
    export.export_avatar(run / "run", "splats", out=out, **options)
    assert f"element vertex {avatar.head.num_vertices}".encode() in out.read_bytes()


def test_what_it_cannot_do_is_one_sentence(run):
    options = {"look": None, "drive": None, "frame": 1, "sequence": False, "dtype": "float32", "image_size": 32}
    with pytest.raises(UserError, match=r"baked needs an avatar .* this one is of toy"):
        export.export_avatar(run / "run", "baked", out=run / "me.npz", **options)
    with pytest.raises(UserError, match="source is an avatar of toy that cannot be fused"):
        pj.fuse(pj.load(run / "run"), pj.load(run / "run"), ["hair"])


def test_a_family_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UserError, match="no family of avatars named 'meshes'; there are gaussians, perse, points"):
        families.find("meshes")
