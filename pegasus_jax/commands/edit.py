"""Swaps, blends, interpolates or samples the looks of an avatar; writes a video, a sheet and look files."""

from collections.abc import Sequence
from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_output, define_path
from pegasus_jax.errors import UserError

_MODES: dict[str, tuple[str, ...]] = {  # each with the flags that belong to it alone
    "swap": (),
    "interpolate": ("steps", "ping_pong"),
    "sample": ("count", "seed"),
}


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `edit`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("workdir", None, "the work folder of a training run, or an avatar's .npz.", required=True, **into)
    define_output("out", None, "the folder to write.", required=True, **into)
    flags.DEFINE_list("swap", None, "parts of other looks, such as hair:hair/ada,nose:nose/ben:0.3.", **into)
    flags.DEFINE_list("interpolate", None, "from look to look, such as 'hair:me>hair/ada' in quotes.", **into)
    flags.DEFINE_integer("steps", 45, "how many looks an interpolation has.", lower_bound=2, **into)
    flags.DEFINE_boolean("ping_pong", False, "interpolate there and back.", **into)
    flags.DEFINE_list("sample", None, "categories to draw at random, such as hair,nose.", **into)
    flags.DEFINE_integer("count", 6, "how many looks to draw.", lower_bound=1, **into)
    flags.DEFINE_integer("seed", 0, "of the drawing.", lower_bound=0, upper_bound=2**31 - 1, **into)
    flags.DEFINE_string("look", None, "what to start from: a look's name or a look file.", **into)
    define_path("drive", None, "a dataset folder whose motion the looks follow.", **into)
    flags.DEFINE_integer("image_size", 512, "side of the picture in pixels.", lower_bound=16, upper_bound=8192, **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.inference.render_edit`."""
    mode = _mode(flag_values)
    values = _once(mode, [_parsed(mode, item) for item in getattr(flag_values, mode)])
    if flag_values.out.suffix.lower() == ".mp4":
        raise UserError(f"--out={flag_values.out} must be a folder: a video, a sheet and look files go there.")
    from pegasus_jax import editing, inference

    recipe: editing.Recipe
    if mode == "swap":
        recipe = editing.Composition(values)
    elif mode == "interpolate":
        recipe = editing.Interpolation(values, steps=flag_values.steps, ping_pong=flag_values.ping_pong)
    else:
        recipe = editing.Sampling(list(values), count=flag_values.count, seed=flag_values.seed)
    inference.render_edit(
        flag_values.workdir,
        recipe,
        look=flag_values.look,
        drive=flag_values.drive,
        out=flag_values.out,
        image_size=flag_values.image_size,
    )


def _mode(flag_values: flags.FlagValues) -> str:
    given = [mode for mode in _MODES if flag_values[mode].value]
    if len(given) != 1:
        raise UserError("edit needs exactly one of --swap, --interpolate and --sample.")
    for mode, options in _MODES.items():
        alien = [option for option in options if flag_values[option].present and mode != given[0]]
        if alien:
            raise UserError(f"--{alien[0]} belongs to --{mode}, not to --{given[0]}.")
    return given[0]


def _parsed(mode: str, item: str) -> tuple[str, Any]:
    """A category, and what the mode does to it."""
    category, _, rest = item.partition(":")
    if mode == "sample":
        return item, None
    if mode == "swap":
        if not category or not rest:
            raise UserError(f"--swap: {item!r} must be CATEGORY:LOOK or CATEGORY:LOOK:WEIGHT, such as hair:hair/ada.")
        return category, _look_and_weight(rest)
    first, _, last = rest.partition(">")
    if not category or not first or not last:
        raise UserError(
            f"--interpolate: {item!r} must be CATEGORY:LOOK>LOOK, in quotes for the shell: 'hair:me>hair/ada'."
        )
    return category, (first, last)


def _look_and_weight(text: str) -> str | tuple[str, float]:
    look, _, weight = text.rpartition(":")
    try:
        return (look, float(weight)) if look else text
    except ValueError:
        return text  # a colon in a look's name


def _once(mode: str, items: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [category for category, _ in items]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"--{mode} names {twice[0]} twice; a look has one code of each category.")
    return dict(items)
