"""Shows the whole pipeline on synthetic people: no downloads, a CPU, minutes; writes an HTML page."""

from absl import flags

from pegasus_jax.commands.folders import define_output


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `demo`."""
    define_output("workdir", "runs/demo", "the folder to write to.", flag_values=flag_values)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.demo.story.run_demo`."""
    from pegasus_jax.demo import story

    page = story.run_demo(flag_values.workdir)
    print(f"open {page}")
