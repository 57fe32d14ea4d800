"""Look files: what is written comes back to the bit, and every file that is none is one sentence."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import pegasus_jax as pj
from pegasus_jax.editing import Look
from pegasus_jax.errors import UserError
from pegasus_jax.inference import load, load_look, save_look
from pegasus_jax.inference.look_file import find_look
from tests.inference.untrained import trained_further, write_run


@pytest.fixture(scope="module")
def avatar(tmp_path_factory):
    return load(write_run(tmp_path_factory.mktemp("looks")).run)


def assert_same_bits(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype == jnp.float32
        assert np.asarray(one[name]).tobytes() == np.asarray(other[name]).tobytes(), name


def test_a_look_survives_its_file_to_the_bit(avatar, tmp_path, capsys):
    latent = avatar.latent("me", hair=("hair/ada", 1 / 3), nose="nose/ben")
    latent["eyes"] = jnp.asarray([-0.0, np.finfo(np.float32).max])
    latent["ears"] = jnp.asarray([np.pi, 1e-38])
    save_look(tmp_path / "look.json", Look("a third of Ada's hair, Ben's näse", latent), avatar)
    look = load_look(tmp_path / "look.json", avatar)
    assert look.how == "a third of Ada's hair, Ben's näse"
    assert_same_bits(look.latent, latent)
    assert not capsys.readouterr().err


def test_the_suffix_of_a_look_file_may_be_in_capitals(avatar, tmp_path):
    save_look(tmp_path / "LOOK.JSON", Look("me", avatar.latent("me")), avatar)
    assert find_look(f"{tmp_path}/LOOK.JSON", avatar).how == "me"


def test_the_public_names_make_keep_and_read_a_look(avatar, tmp_path):
    z = pj.interpolate(avatar.latent("me", hair="hair/ada"), avatar.latent("hair/cleo"), 0.5)
    expected = 0.5 * (avatar.latent("hair/ada")["hair"] + avatar.latent("hair/cleo")["hair"])
    np.testing.assert_allclose(z["hair"], expected, rtol=1e-5)
    pj.save_look(tmp_path / "look.json", pj.Look("half-way to Cleo", z), avatar)
    assert_same_bits(pj.load_look(tmp_path / "look.json", avatar).latent, z)


def test_a_look_of_another_avatar_is_loaded_with_a_warning(avatar, tmp_path, capsys):
    other = trained_further(avatar)
    save_look(tmp_path / "look.json", Look("other", other.latent()), other)
    assert_same_bits(load_look(tmp_path / "look.json", avatar).latent, other.latent())
    assert "look.json was made with another avatar, or before this one was trained further" in capsys.readouterr().err


def test_a_flag_means_a_name_a_file_or_the_person_as_filmed(avatar, tmp_path):
    path = tmp_path / "ada.json"
    save_look(path, Look("Ada's", avatar.latent("hair/ada")), avatar)
    for text, how, latent in (
        (None, "me", avatar.latent()),
        ("nose/ben", "nose/ben", avatar.latent("nose/ben")),
        (str(path), "Ada's", avatar.latent("hair/ada")),
    ):
        look = find_look(text, avatar)
        assert look.how == how
        assert_same_bits(look.latent, latent)
    with pytest.raises(UserError, match="no look named 'hair/eve'"):
        find_look("hair/eve", avatar)


def test_a_look_is_written_as_json(avatar, tmp_path):
    with pytest.raises(UserError, match=r"look\.txt must end in \.json\."):
        save_look(tmp_path / "look.txt", Look("me", avatar.latent()), avatar)


def changed_hair(value):
    return lambda content: content | {"codes": content["codes"] | {"hair": value}}


def without_hair(content):
    return content | {"codes": {name: code for name, code in content["codes"].items() if name != "hair"}}


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda content: content | {"format": 2}, "is not a look file of format 1; save the look again."),
        (lambda content: [content], "is not a look file of format 1"),
        (
            lambda content: {name: content[name] for name in ("format", "avatar", "how")},
            r"damaged \(it has no 'codes'\)",
        ),
        (lambda content: content | {"how": 3}, r"damaged \(it has no 'how'\)"),
        (lambda content: content | {"avatar": None}, r"damaged \(it has no 'avatar'\)"),
        (without_hair, "has no code of hair; a look of this avatar has identity, ears,"),
        (
            lambda content: content | {"codes": content["codes"] | {"wings": [0.0, 0.0]}},
            "has a code of an unknown category, wings; a look of this avatar has identity,",
        ),
        (changed_hair([0.0] * 3), "hair has 3 numbers where the avatar has 2; it is another avatar's look."),
        (changed_hair([0.0, float("nan")]), "hair has a number that is not finite"),
        (changed_hair([float("-inf"), 0.0]), "hair has a number that is not finite"),
        (changed_hair([1e39, 0.0]), "hair has a number that is not finite"),
        (changed_hair([10**400, 0]), "cannot be read as json \\(an integer of 401 digits\\)"),
        (changed_hair(["0.1", 0.0]), "hair is not a list of numbers"),
        (changed_hair([True, 0.0]), "hair is not a list of numbers"),
        (changed_hair(0.5), "hair is not a list of numbers"),
    ],
)
def test_a_look_file_that_does_not_fit_is_one_sentence(avatar, tmp_path, change, sentence):
    path = tmp_path / "look.json"
    save_look(path, Look("me", avatar.latent()), avatar)
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(UserError, match=rf"look\.json.* {sentence}"):
        load_look(path, avatar)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_damaged_look_file_is_one_sentence(avatar, tmp_path, content):
    (tmp_path / "look.json").write_bytes(content)
    with pytest.raises(UserError, match=r"look\.json (cannot be read as json|is nested deeper)"):
        load_look(tmp_path / "look.json", avatar)


def test_a_look_file_that_is_not_there_is_one_sentence(avatar, tmp_path):
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(UserError, match=r"There is no look file at .*; launch\.py edit writes one\."):
            load_look(path, avatar)
