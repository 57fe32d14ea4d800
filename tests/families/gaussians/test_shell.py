import numpy as np

from pegasus_jax.core.camera import Camera
from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.shell import around_head, thinned
from pegasus_jax.flame import builtin_head

from . import small

SIDE = 64


def _places(batch, head, binding):
    """(B, n, 2) pixels of bound places, in frames where nothing moves."""
    vertices, faces = np.asarray(head.v_template), np.asarray(head.faces)
    rest = np.einsum("nk,nkc->nc", binding.bary, vertices[faces[binding.faces_idx]]) + binding.offset
    return Camera(batch.T_camera_world[0], batch.intrinsics[0], (SIDE, SIDE)).project(rest)[0]


def _still(mattes):
    batch = small.batch(np.zeros((*mattes.shape, 3), np.uint8), mattes, len(mattes))
    batch.expression[:], batch.pose[:] = 0.0, 0.0
    return batch


def test_places_are_inside_the_matte_and_off_the_head():
    head, on_head = builtin_head(), small.bound(4000)
    matte = np.zeros((3, SIDE, SIDE), np.uint8)
    matte[:, 8:64, 6:58] = 255
    batch = _still(matte)
    shell = around_head(head, np.zeros(100), batch, 300, on_head=on_head, seed=0)
    assert 50 < len(shell) <= 300
    assert (shell.part == parts.SHELL).all()
    column, row = np.floor(np.asarray(_places(batch, head, shell))).astype(int).T
    assert (matte[0, row, column] == 255).all()
    covered = np.zeros((SIDE, SIDE), bool)
    x, y = np.floor(np.asarray(_places(batch, head, on_head))).astype(int).T
    covered[y, x] = True
    assert covered[row, column].mean() < 0.1


def test_without_a_matte_beyond_the_head_there_is_no_shell():
    head, on_head = builtin_head(), small.bound(4000)
    assert (
        len(around_head(head, np.zeros(100), _still(np.zeros((2, SIDE, SIDE), np.uint8)), 300, on_head=on_head, seed=0))
        == 0
    )


def test_nothing_hangs_around_the_mouth():
    head = builtin_head()
    matte = np.full((3, SIDE, SIDE), 255, np.uint8)
    nowhere = small.bound(1)  # a head that covers nothing: every pixel asks for a place
    shell = around_head(head, np.zeros(100), _still(matte), 4000, on_head=nowhere, seed=0)
    mouth = parts.any_region(head, ("lips", "mouth", "mouth_interior"))
    assert mouth.any() and len(shell) > 100
    bound = np.asarray(head.faces)[shell.faces_idx, shell.bary.argmax(axis=1)]
    assert not mouth[bound].any()


def test_thinned_spreads_evenly():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(0.0, 0.01, (5000, 3)), rng.uniform(-1, 1, (500, 3))])
    rows = thinned(points, 200)
    assert 100 < len(rows) <= 200 and len(np.unique(rows)) == len(rows)
    assert np.mean(rows < 5000) < 0.2  # the dense lump is a few cells
    assert np.array_equal(thinned(points, 10_000), np.arange(5500))
