"""The one door through which arrays of a file become an avatar's."""

import numpy as np
import pytest

from pegasus_jax.core.leaves import Leaf, checked
from pegasus_jax.errors import UserError

LEAVES = {
    "points": Leaf(("N", 3), low=-10.0, high=10.0),
    "part": Leaf(("N",), "i", low=-1, high=3),
    "seen": Leaf(("N",), "b"),
    "radius": Leaf(()),
}
GOOD = {
    "points": np.zeros((4, 3), np.float64),
    "part": np.array([-1, 0, 3, 1], np.int64),
    "seen": np.ones(4, bool),
    "radius": np.array(0.5, np.float16),
}


def test_what_is_as_it_should_be_gets_one_type():
    found = checked(GOOD | {"more": np.array("x")}, LEAVES, where="a.npz")
    assert {name: array.dtype.name for name, array in found.items()} == {
        "points": "float32",
        "part": "int32",
        "seen": "bool",
        "radius": "float32",
    }
    np.testing.assert_array_equal(found["part"], GOOD["part"])


@pytest.mark.parametrize(
    ("name", "array", "sentence"),
    [
        ("points", None, "a.npz has no array 'points'"),
        ("points", np.zeros((4, 3), complex), "a.npz: points holds complex128, not float32"),
        ("points", np.zeros((4, 3), "M8[D]"), "points holds datetime64"),
        ("points", np.zeros((4, 3), int), "points holds int64, not float32"),
        ("points", np.zeros((4, 2)), r"points must have the shape \(4, 3\); it has \(4, 2\)"),
        ("points", np.zeros(12), r"points must have the shape \(N, 3\); it has \(12,\)"),
        ("points", np.zeros((0, 3)), r"points must have the shape \(N, 3\); it has \(0, 3\)"),
        ("points", np.full((4, 3), np.nan), "points has values that are not between -10 and 10"),
        ("points", np.full((4, 3), 11.0), "points has values that are not between -10 and 10"),
        ("part", np.zeros(4), "part holds float64, not int32"),
        ("part", np.zeros(5, int), r"part must have the shape \(4\); it has \(5,\)"),
        ("part", np.full(4, 4), "part has values that are not between -1 and 3"),
        ("part", np.full(4, 2**40), "part has values that are not between -1 and 3"),
        ("seen", np.ones(4, int), "seen holds int64, not bool"),
        ("radius", np.array(np.inf), "radius has values that are not finite"),
        ("radius", np.array(1e300), "radius has values that are not finite"),
        ("radius", np.zeros(1), r"radius must have the shape \(\); it has \(1,\)"),
    ],
)
def test_what_is_not_is_named(name, array, sentence):
    arrays = {key: value for key, value in (GOOD | {name: array}).items() if value is not None}
    with pytest.raises(UserError, match=sentence):
        checked(arrays, LEAVES, where="a.npz")


def test_a_size_may_be_none_where_that_is_said():
    leaves = {"bases": Leaf(("K", 2), may_be_none=("K",)), "weights": Leaf(("K",), may_be_none=("K",))}
    for size in (0, 3):
        found = checked({"bases": np.zeros((size, 2)), "weights": np.zeros(size)}, leaves, where="it")
        assert found["bases"].shape == (size, 2)
    with pytest.raises(UserError, match="weights must have the shape"):
        checked({"bases": np.zeros((0, 2)), "weights": np.zeros(2)}, leaves, where="it")
    with pytest.raises(UserError, match="bases must have the shape"):
        checked({"bases": np.zeros((0, 2))}, {"bases": Leaf(("K", 2))}, where="it")
