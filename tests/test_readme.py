"""README and BUILD.md are followed word for word by newcomers: what they say must exist."""

import pathlib
import re
import shlex

import pytest
from absl import flags

from pegasus_jax import commands
from pegasus_jax.config import load_config

_ROOT = pathlib.Path(__file__).parents[1]


def _bash_blocks(name: str) -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```$", (_ROOT / name).read_text(), re.MULTILINE | re.DOTALL)


def _launches(name: str) -> list[list[str]]:
    """The words after `launch.py` in each line of the bash blocks."""
    lines = "\n".join(_bash_blocks(name)).splitlines()
    return [shlex.split(line.partition("launch.py ")[2]) for line in lines if "launch.py " in line]


def test_the_first_two_blocks_are_the_demo_and_the_tests():
    demo, tests = (block.strip().splitlines() for block in _bash_blocks("README.md")[:2])
    for block in (demo, tests):
        assert block[0] == "python3 -m venv .venv && . .venv/bin/activate"
        assert block[1].startswith("pip install -e ")
    assert demo[-1] == "python launch.py demo --workdir=runs/demo"
    assert tests[-1] == "python -m pytest"
    assert tests[-1] == (_ROOT / ".ci" / "run").read_text().splitlines()[-1]


_PAGES = ("README.md", "docs/walkthrough.md", "docs/looks.md")


@pytest.mark.parametrize("words", [words for page in _PAGES for words in _launches(page)], ids=" ".join)
def test_every_command_line_of_the_pages_is_accepted(words):
    name, *arguments = words
    flag_values = flags.FlagValues()
    commands.load(name).define_flags(flag_values)
    assert flag_values([name, *arguments]) == [name], "only flags are left"


def test_the_change_of_a_config_is_one_that_works():
    examples = re.findall(r"--config\.([\w.]+=[^`]+)`", (_ROOT / "README.md").read_text())
    assert examples
    load_config(str(_ROOT / "configs" / "gaussians_laptop.py"), overrides=examples)


@pytest.mark.parametrize("name", ["README.md", "BUILD.md"])
def test_files_that_are_named_exist(name):
    text = (_ROOT / name).read_text()
    named = set(re.findall(r"`((?:configs|benchmarks|tests|docs|\.ci)/[\w./]+|[A-Z]+\.md|LICENSE)`", text))
    assert len(named) >= 2
    assert [path for path in sorted(named) if not (_ROOT / path).exists()] == []
