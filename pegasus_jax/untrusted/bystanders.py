"""Calls in a pickle that stand beside arrays and tensors, and do no more than make a value.

Checkpoints carry dates, paths, settings, states of random generators, members of their authors' enumerations. None of
them is made here: a call of an admitted name becomes a note without content. What decides is therefore not safety, but
whether a file that asks for it is still to be taken for one of weights: the language's own functions that are not
listed, and those of NumPy and PyTorch, which could do anything, are refused, and the file with them.
"""

import sys

from pegasus_jax.untrusted.pickles import Name

_NAMES = {
    "argparse": {"Namespace"},
    "builtins": {"bytearray", "complex", "dict", "float", "frozenset", "int", "list", "range", "slice", "str", "tuple"},
    "collections": {"ChainMap", "Counter", "OrderedDict", "UserDict", "UserList", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "functools": {"partial"},
    "pathlib": {"Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"},
    "re": {"_compile"},
    "torch": {"Generator", "Size", "device"},
    "types": {"SimpleNamespace"},
    "uuid": {"UUID"},
}
_OTHER_MODULES = {"__builtin__": "builtins", "pathlib._local": "pathlib", "_pydatetime": "datetime"}
_PYTHON_2_ALONE = {"xrange": "range", "long": "int", "unicode": "str"}
_PREFIXES = ("numpy.random.", "numpy.ma.", "torch._utils._rebuild_", "torch._tensor._rebuild_")
_OURS_TO_JUDGE = {"numpy", "torch", "pegasus_jax", "__builtin__", "copy_reg", "cPickle", "commands", "exceptions"}


def is_bystander(name: Name) -> bool:
    """Whether a call of this name may stand in a file of weights."""
    module = _OTHER_MODULES.get(name.module, name.module)
    if _PYTHON_2_ALONE.get(name.name, name.name) in _NAMES.get(module, ()) or str(name).startswith(_PREFIXES):
        return True
    package = name.module.partition(".")[0]
    return package not in _OURS_TO_JUDGE and package not in sys.stdlib_module_names
