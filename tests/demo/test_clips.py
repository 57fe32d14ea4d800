import numpy as np
import scipy.ndimage

from pegasus_jax.data import read_dataset
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import ATTRIBUTES, CAST
from pegasus_jax.flame import builtin_head, lbs
from tests.media.said import source_type, xmp


def clip(out, *, seed=0, wearing=None, name="ada"):
    write_clip(
        CAST[name],
        out,
        head=builtin_head(),
        num_frames=4,
        image_size=(40, 48),
        seed=seed,
        wearing=wearing,
        supersample=1,
    )
    return read_dataset(out)


def test_a_clip_is_an_ordinary_dataset_folder(tmp_path):
    dataset = clip(tmp_path / "ada_hat", wearing={"hat": CAST["eve"]})
    assert dataset.image_size == (40, 48)
    assert dataset.part_names == tuple(sorted(ATTRIBUTES))
    assert dataset.capture["synthetic"] is True
    assert dataset.look == "hat/eve"
    assert source_type(tmp_path / "ada_hat" / "image" / "1.png") == "algorithmicMedia"
    assert "ada of the built-in cast, with the hat of eve" in xmp(tmp_path / "ada_hat" / "image" / "1.png")
    np.testing.assert_array_equal(dataset.betas, CAST["ada"].shape)
    assert np.abs(dataset.pose[:, :3]).max() == 0  # the neck carries the rotation, so that shoulders stay
    assert np.abs(dataset.pose[:, 3:6]).max() > 0.05


def test_the_stored_parameters_project_onto_the_picture(tmp_path):
    """The mesh that the folder's own numbers describe covers the head in the picture."""
    dataset, head = clip(tmp_path / "dan", name="dan"), builtin_head()
    for k in range(len(dataset)):
        vertices = lbs.vertices(head, dataset.betas, dataset.expression[k], dataset.pose[k])
        means2d = np.floor(np.asarray(dataset.camera(k).project(vertices)[0])).astype(int)
        inside = (means2d >= 0).all(axis=-1) & (means2d < [48, 40]).all(axis=-1)
        seen = scipy.ndimage.binary_dilation(dataset.masks(indices=[k])[0] > 0)
        assert seen[means2d[inside, 1], means2d[inside, 0]].mean() > 0.995


def test_clips_repeat_by_seed_and_share_movement_between_looks(tmp_path):
    a, b = clip(tmp_path / "a", seed=1), clip(tmp_path / "b", seed=1)
    np.testing.assert_array_equal(a.images(), b.images())
    swapped = clip(tmp_path / "c", seed=1, wearing={"hair": CAST["ben"]})
    for name in ("pose", "expression", "world_mat", "intrinsics", "betas"):
        np.testing.assert_array_equal(getattr(swapped, name), getattr(a, name))
    assert np.abs(clip(tmp_path / "d", seed=2).pose - a.pose).max() > 0.05
