"""Frames that are decoded when their turn comes: what is kept, what is read again, and what a batch is made of."""

import threading

import jax
import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import ClipFrames, load_frames
from pegasus_jax.data.pictures import write_png
from pegasus_jax.data.store import FrameStore
from pegasus_jax.errors import UserError
from tests.training import tiny

SIZE = (12, 12)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    return [
        read_dataset(tiny.write_dataset(folder / "me")),
        read_dataset(tiny.write_swapped(folder / "x1", "hair", "ada")),
    ]


@pytest.fixture
def clips(datasets):
    rows = (np.array([7, 2, 4]), np.array([0, 9]))
    return [
        ClipFrames(dataset, indices, image_size=SIZE, look=look, normals=True)
        for look, (dataset, indices) in enumerate(zip(datasets, rows))
    ]


@pytest.fixture
def reads(monkeypatch):
    """(look, row) of every frame that is decoded."""
    done, read = [], ClipFrames.read

    def noted(self, rows):
        done.extend((self.look, row) for row in rows.tolist())
        return read(self, rows)

    monkeypatch.setattr(ClipFrames, "read", noted)
    return done


def test_a_batch_holds_the_frames_of_its_numbers_in_their_order(datasets, clips):
    store = FrameStore(clips)
    assert len(store) == 5 and store.look.tolist() == [0, 0, 0, 1, 1]
    batch = store.batch([4, 1])
    assert batch.frame.tolist() == [4, 1] and batch.look.tolist() == [1, 0]
    assert batch.has_normal.tolist() == [True, False] and not batch.normal[1].any()
    for row, (dataset, index) in enumerate([(datasets[1], 9), (datasets[0], 2)]):
        alone = load_frames(dataset, np.array([index]), image_size=SIZE)
        for name in ("image", "matte", "seg", "emphasis", "betas", "pose", "T_camera_world", "intrinsics"):
            np.testing.assert_array_equal(getattr(batch, name)[row], getattr(alone, name)[0], err_msg=name)


def test_pictures_are_kept_until_the_budget_is_spent(clips, reads):
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(FrameStore(clips).batch([0])))
    reads.clear()
    store = FrameStore(clips, budget=2 * size + size // 2)
    for _ in range(3):
        store.batch(range(5))
    assert store.kept == {0, 1}
    assert reads.count((0, 0)) == reads.count((0, 1)) == 1
    assert reads.count((0, 2)) == reads.count((1, 0)) == reads.count((1, 1)) == 3


def test_a_stream_reads_ahead_of_its_use_but_not_without_end(clips, reads):
    store = FrameStore(clips)
    ready = threading.Event()

    def orders():
        for number in range(100):
            if number == 3:
                ready.set()
            yield np.array([number % 5])

    with store.stream(orders()) as batches:
        assert next(batches).frame.tolist() == [0] and ready.wait(5)
    assert 1 <= len(reads) < 20, "the rest is given up when the stream ends"
    with store.stream([np.array([2, 3]), np.array([1, 0])]) as batches:
        assert [batch.frame.tolist() for batch in batches] == [[2, 3], [1, 0]]


def test_pictures_of_another_size_that_reading_did_not_look_into_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("pegasus_jax.data.files._LOOKED_INTO", 2)
    folder = tiny.write_dataset(tmp_path / "me")
    write_png(folder / "mask" / "5.png", np.zeros((24, 48), np.uint8))
    clip = ClipFrames(read_dataset(folder), np.arange(10), image_size=SIZE)
    assert len(clip.read(np.array([3])).image) == 1
    with pytest.raises(UserError, match=r"mask/5\.png is 48x24 pixels where the first image is 24x24"):
        clip.read(np.array([3, 4]))


def test_what_cannot_be_read_is_told_where_it_is_used(clips, tmp_path):
    dataset = read_dataset(tiny.write_dataset(tmp_path / "me"))
    (tmp_path / "me" / "image" / "3.png").write_bytes(b"")
    store = FrameStore([ClipFrames(dataset, np.arange(10), image_size=SIZE)])
    with store.stream([np.array([0]), np.array([2])]) as batches:
        next(batches)
        with pytest.raises(UserError, match=r"3\.png is a damaged picture"):
            next(batches)


def test_what_is_added_to_a_frame_is_kept_with_it(clips):
    store = FrameStore(clips, budget=10**6)
    calls = []

    def finish(batch):
        calls.append(batch.frame.tolist())
        return batch

    store.finish = finish
    store.batch([3, 3, 1])
    store.batch([1])
    assert calls == [[3], [1]]
