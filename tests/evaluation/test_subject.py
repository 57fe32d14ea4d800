"""What is measured: which clip drives, which looks are shown, which frames are held out."""

import dataclasses

import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.subject import Subject
from tests.training import tiny


def test_the_person_as_filmed_drives_and_looks_are_worn(subject):
    assert subject.driver.folder.name == "me"
    assert {look: clip.folder.name for look, clip in subject.worn.items()} == {
        "hair/ada": "hair_ada",
        "nose/ben": "nose_ben",
    }
    turned = dataclasses.replace(subject, clips=subject.clips[::-1])
    assert turned.driver.folder.name == "me"
    assert subject.without_alignment(subject.avatar.latent()) == {}


def test_the_end_of_a_clip_is_held_out_and_some_of_it_taken_at_equal_distances(subject, tmp_path):
    own = subject.driver
    np.testing.assert_array_equal(subject.rows(own), [8, 9])
    np.testing.assert_array_equal(subject.rows(own, count=5), [8, 9])
    long = read_dataset(tiny.write_dataset(tmp_path / "long", num_frames=40))
    np.testing.assert_array_equal(subject.rows(long, count=3), [32, 36, 39])


def test_an_exact_clip_is_compared_where_the_persons_own_is_held_out(subject, tmp_path):
    exact = read_dataset(tiny.write_swapped(tmp_path / "exact", "hair", "ada"))
    some = dataclasses.replace(exact, numbers=exact.numbers + 5)  # frames 6 to 15; 9 and 10 are held out of "me"
    np.testing.assert_array_equal(subject.rows(some), [3, 4])
    other = dataclasses.replace(exact, numbers=exact.numbers + 50)
    with pytest.raises(UserError, match=r"exact shows no moment that .*me holds out; name the clip"):
        subject.rows(other)
    trained = dataclasses.replace(subject, trained_on=frozenset([some.folder.resolve()]))
    np.testing.assert_array_equal(trained.rows(some), [8, 9], "its own end")


def test_what_drives_is_what_was_tracked(subject):
    drive = subject.drive(subject.driver, np.array([9, 3]), image_size=32)
    np.testing.assert_array_equal(drive.params.pose, subject.driver.pose[[9, 3]])
    assert drive.cameras.image_size == (32, 32)


def test_an_avatar_without_data_wants_some(subject, tmp_path):
    subject.avatar.save(tmp_path / "me.npz")
    with pytest.raises(UserError, match="does not say what it was trained on; name dataset folders with --data"):
        Subject.open(tmp_path / "me.npz")
    opened = Subject.open(tmp_path / "me.npz", data=[subject.driver.folder])
    assert opened.results == tmp_path / "me" and opened.run is None
