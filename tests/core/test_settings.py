"""Types of configs and descriptions."""

import dataclasses
from typing import Any, Literal

import pytest

from pegasus_jax.core.settings import described, is_of_type, typed
from pegasus_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Kind:
    """All that fields are made of."""

    mode: Literal["off", "on"]
    size: int
    rate: float = 1.0
    names: tuple[str, ...] = ()
    most: int | None = None
    more: dict[str, Any] = dataclasses.field(default_factory=dict)


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (3, int, True),
        (True, int, False),
        (3.0, int, False),
        (10**400, int, True),
        (3, float, True),
        (float("nan"), float, False),
        (float("inf"), float, False),
        (10**400, float, False),
        (None, int | None, True),
        ("3", int | None, False),
        (["a", "b"], tuple[str, ...], True),
        (["a", 3], tuple[str, ...], False),
        ("ab", tuple[str, ...], False),
        ([1, 2.0], tuple[float, float], True),
        ([1], tuple[float, float], False),
        ({"a": 1}, dict[str, Any], True),
        ({"a": 1}, dict[str, str], False),
        ("on", Literal["off", "on"], True),
        (1, Literal[True], False),
        ([], Any, True),
    ],
)
def test_values_are_what_annotations_say(value, hint, expected):
    assert is_of_type(value, hint) is expected


def test_a_description_becomes_its_class():
    found = described(Kind, {"mode": "on", "size": 3, "names": ["a"], "rate": 2}, where="a.json")
    assert found == Kind("on", 3, 2, ("a",))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size": None}, r"a\.json is damaged \(size is None\)"),
        ({"mode": "off\n"}, r"a\.json is damaged \(mode is 'off\\n'\)"),
        ({"names": "x" * 500}, r"a\.json is damaged \(names is 'x+…\)"),
        ({"wings\0": 2}, r"a\.json is damaged \('wings\\x00' is unknown\)"),
        ({"rate": float("inf")}, r"a\.json is damaged \(rate is inf\)"),
    ],
)
def test_a_description_that_is_not_of_its_types_is_named(changes, sentence):
    with pytest.raises(UserError, match=sentence) as told:
        described(Kind, {"mode": "on", "size": 3} | changes, where="a.json")
    assert len(str(told.value)) < 200
    with pytest.raises(UserError, match=r"a\.json is damaged \('size' is missing\)"):
        described(Kind, {"mode": "on"}, where="a.json")


def test_a_config_of_another_type_is_named():
    with pytest.raises(UserError, match="The config's part: size must be int; it is 'large'"):
        typed(Kind, {"mode": "on", "size": "large"}, "part")
