import textwrap

import pytest

from pegasus_jax.config import load_config
from pegasus_jax.errors import UserError


@pytest.fixture
def path(tmp_path):
    source = """
        from ml_collections import ConfigDict

        def get_config(arg=None):
            training = ConfigDict(dict(frames=1000, rate=1e-3, gc="learned", size=(96, 96)))
            if arg == "quick":
                training.frames = 10
            elif arg:
                raise ValueError(arg)
            return ConfigDict(dict(name="laptop", training=training))
    """
    (tmp_path / "laptop.py").write_text(textwrap.dedent(source))
    return str(tmp_path / "laptop.py")


def test_a_config_is_loaded_locked_with_its_argument(path):
    assert load_config(path).training.frames == 1000
    quick = load_config(f"{path}:quick")
    assert quick.training.frames == 10
    with pytest.raises(AttributeError, match="locked"):
        quick.training.farmes = 3


def test_overrides_take_python_values_and_bare_strings(path):
    overrides = ["training.frames=20", "training.rate=1", "training.gc=off", "training.size=(8, 9)", "name=2"]
    config = load_config(path, overrides=overrides)
    assert config.training.frames == 20
    assert config.training.rate == 1.0 and isinstance(config.training.rate, float)
    assert (config.training.gc, config.training.size, config.name) == ("off", (8, 9), "2")


@pytest.mark.parametrize(
    "override, sentence",
    [
        ("training.farmes=3", "The config has no key training.farmes: did you mean frames?"),
        ("trainin.frames=3", "The config has no key trainin.frames: did you mean training?"),
        ("zzz=3", "The config has no key zzz: there are name, training."),
        ("training.frames", "--config.training.frames needs a value: write --config.training.frames=VALUE."),
        ("training.frames=many", "--config.training.frames takes a value of type int; got 'many'."),
        ("training=3", "--config.training is a group; change one of its keys: frames, gc, rate, size."),
        ("name.x=3", "--config.name.x: name is one value and has no keys."),
    ],
)
def test_a_wrong_override_is_one_sentence(path, override, sentence):
    with pytest.raises(UserError) as raised:
        load_config(path, overrides=[override])
    assert str(raised.value) == sentence


def test_what_is_no_config_is_named(tmp_path):
    with pytest.raises(UserError, match=r"There is no config file .*absent\.py"):
        load_config(str(tmp_path / "absent.py:quick"))
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(UserError, match=r"empty\.py has no function get_config"):
        load_config(str(tmp_path / "empty.py"))
    (tmp_path / "a.toml").write_text("")
    with pytest.raises(UserError, match=r"a\.toml is no Python file"):
        load_config(str(tmp_path / "a.toml"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1\nx = 1 / 0\n", r"me\.py fails at line 2 \(ZeroDivisionError: division by zero\); correct it"),
        ("def get_config(arg=None:\n", r"me\.py fails at line 1 \(SyntaxError: "),
        ("def get_config(arg=None):\n    return arg.x\n", r"me\.py fails at line 2 \(AttributeError: "),
        ("import sys\nsys.exit()\n", r"me\.py fails at line 2 \(SystemExit: "),
        ("def get_config(arg=None):\n    return {}\n", r"me\.py: get_config must return an ml_collections\.ConfigDict"),
        ("\0", r"me\.py fails"),
    ],
)
def test_a_config_that_fails_is_one_sentence_with_its_line(tmp_path, text, sentence):
    (tmp_path / "me.py").write_text(text)
    with pytest.raises(UserError, match=sentence):
        load_config(str(tmp_path / "me.py"))


def test_the_projects_own_configs_are_found_wherever_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config("configs/laptop.py:quick").total_frames == 800
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "laptop.py").write_text(
        "import ml_collections\ndef get_config(arg=None):\n    return ml_collections.ConfigDict({'mine': arg})"
    )
    assert load_config("configs/laptop.py:quick").to_dict() == {"mine": "quick"}
    with pytest.raises(UserError, match=r"There is no config file laptop.py; the project's own are in .*configs"):
        load_config("laptop.py")


def test_a_config_may_lie_in_the_home_folder(path, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_config("~/laptop.py:quick").training.frames == 10
