"""What `python launch.py COMMAND --flags`, `python -m pegasus_jax` and `pegasus-jax` do: they call one command.

Exit status: 0 on success, 1 on an error of ours (with its traceback, and a sentence that says so), 2 on a mistake of
the user's (with one sentence), 130 on Ctrl-C.
"""

import difflib
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence

from absl import flags

from pegasus_jax import atomic, commands, native_logs
from pegasus_jax.commands import folders
from pegasus_jax.errors import UserError

_HELP = {"-h", "-help", "--help", "--helpfull", "--helpshort"}
_BROKEN_PIPE = 128 + 13  # SIGPIPE, as a shell reports it
_LARGEST_NUMBER = 2**31 - 1
_OUR_BUG = (
    "This is a mistake in PEGASUS-JAX, not in what you gave it: please report it with the lines above; "
    "docs/security.md says where if a file of somebody else's made it."
)
_DEVICES = ["auto", "cpu", "gpu", "tpu"]


def main(arguments: Sequence[str]) -> int:
    """Runs the command that `arguments` (without the program's name) ask for; returns the exit status."""
    _print_whatever_the_encoding()
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    try:
        _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever reads what is printed has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python's last flush fails no more
        return _BROKEN_PIPE
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            traceback.print_exc()
            print(_OUR_BUG, file=sys.stderr)
            return 1
        print(sentence, file=sys.stderr)
        return 2
    return 0


def _print_whatever_the_encoding() -> None:
    """A console that has no ✓ or é shows something else; it ends nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def run_console() -> None:
    """Runs what the program's arguments ask for and ends the process: the console script `pegasus-jax`."""
    sys.exit(main(sys.argv[1:]))


def _sentence(error: Exception) -> str | None:
    """What to tell the user about an error that they can repair; None for an error of ours."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and atomic.is_disk_full(error):
        return f"No disk space left ({error}); free some and run it again."
    if isinstance(error, OSError) and atomic.is_unwritable(error):
        return f"A file cannot be read or written ({error}); choose another place."
    if isinstance(error, OSError) and error.filename is not None:  # whatever the reason, it is about that file
        return f"{error.filename} cannot be used ({error.strerror}); check the path."
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):  # XLA's word for it
        return f"There is not enough memory ({error}); close other programs, or give smaller files or sizes."
    if isinstance(error, ImportError):
        from pegasus_jax import doctor

        return doctor.explain_import_error(error)
    return None


def _dispatch(arguments: Sequence[str]) -> None:
    if not arguments or arguments[0] in _HELP:
        return _list_commands()
    name, *rest = arguments
    if name not in commands.NAMES:
        raise UserError(f"There is no command {name}; {_suggestion(name, commands.NAMES)}")
    command = commands.load(name)
    flag_values = flags.FlagValues()
    command.define_flags(flag_values)
    flags.DEFINE_enum("device", "auto", _DEVICES, "what to compute on.", flag_values=flag_values)
    flags.DEFINE_boolean("verbose", False, "also show what libraries say about themselves.", flag_values=flag_values)
    if _HELP.intersection(rest):
        return _describe(name, flag_values)
    _parse(name, flag_values, rest)
    if flag_values.verbose:
        native_logs.show()
    else:
        sys.unraisablehook = _say_nothing  # destructors of libraries that stumble over the end of the process
    if hasattr(command, "set_up"):
        command.set_up(flag_values)
    _check_outputs(flag_values)
    if getattr(command, "COMPUTES", True):
        _set_up_jax(flag_values.device)
    command.run(flag_values)


def _say_nothing(unraisable: object) -> None:
    pass


def _check_outputs(flag_values: flags.FlagValues) -> None:
    from pegasus_jax import processes

    if processes.is_first():  # of several, the others need not have the folder
        folders.check_outputs(flag_values)


def _parse(name: str, flag_values: flags.FlagValues, arguments: Sequence[str]) -> None:
    if "set" in flag_values:
        arguments = [re.sub(r"^--?config\.", "--set=", argument) for argument in arguments]
    see = f"see python launch.py {name} --help."
    try:
        _, *positional = flag_values([name, *arguments])
    except flags.UnrecognizedFlagError as error:
        known = [f"--{flag}" for flag in flag_values]
        unknown = f"--{error.flagname}"
        raise UserError(f"{name} has no flag {unknown}; {_suggestion(unknown, known)}") from error
    except flags.Error as error:
        raise UserError(f"{name}: {_said_simply(error, flag_values)}; {see}") from error
    for flag in flag_values:
        value = flag_values[flag].value
        if isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER:  # NaN is not
            raise UserError(f"{name}: --{flag} must be a number up to {_LARGEST_NUMBER}; {see}")
    if positional:
        raise UserError(f"{name} takes only flags, not {positional[0]!r}; {see}")
    flags.FLAGS.mark_as_parsed()  # libraries that read absl's global flags refuse to before


def _set_up_jax(device: str) -> None:
    from pegasus_jax import assets, devices

    devices.use_device(device)
    devices.set_up_process(assets.cache_folder())


def _list_commands() -> None:
    print("python launch.py COMMAND --flags   (python launch.py COMMAND --help lists its flags)\n")
    for name in commands.NAMES:
        print(f"  {name:10} {commands.summary(name)}")


def _describe(name: str, flag_values: flags.FlagValues) -> None:
    print(f"python launch.py {name} --flags\n\n{commands.summary(name)}\n")
    definitions = [flag_values[flag] for flag in flag_values]
    for definition in sorted(definitions, key=_is_required, reverse=True):
        default = f" ({definition.default_as_str})" if definition.default not in (None, []) else ""
        required = "required: " if _is_required(definition) else ""
        print(f"  --{definition.name:12} {required}{definition.help}{default}")


def _said_simply(error: flags.Error, flag_values: flags.FlagValues) -> str:
    """absl's message, but missing flags named together instead of one sentence each."""
    if "must have a value other than None" not in str(error):
        return str(error).rstrip(".")
    definitions = [flag_values[flag] for flag in flag_values]
    missing = [f"--{flag.name}" for flag in definitions if flag.value is None and _is_required(flag)]
    return f"please give {' and '.join(missing)}"


def _is_required(flag: flags.Flag) -> bool:
    return any(not validator.checker(None) for validator in flag.validators)


def _suggestion(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
