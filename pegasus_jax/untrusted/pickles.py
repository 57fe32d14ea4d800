"""Reading a pickle as data: its names stay names, and nothing that it asks for is called.

A pickle is a program for a small machine. The interpreter's own machine looks names up and calls them, applies states
to objects of ours, and makes room for 2^28 objects when nine bytes say so. This one only builds lists, dicts, tuples,
numbers and strings, and notes what was to be called, with which arguments and state, as `Made`; `numpy_pickles`
turns such notes into arrays by its own means. Arguments of opcodes are decoded by `pickletools`.
"""

import codecs
import dataclasses
import pickle
import pickletools
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

from pegasus_jax.untrusted.limits import Budget

_COST_OF_AN_OPCODE = 232  # bytes: the largest empty object, and its place on the stack or in the memo
_LARGEST_INTEGER = 2**256
# Hashing nested tuples overflows the stack, and integers that hash alike (from 2^61 - 1 on) make a dict slow.
_PLAIN_KEYS = (str, bytes, int, float, type(None))
_LARGEST_KEY = 2**60
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}


class Name(NamedTuple):
    """A name that a pickle mentions."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclasses.dataclass(eq=False, slots=True)
class Made:
    """What a pickle asks to be made by calling a name: a note, never done."""

    maker: Name
    arguments: tuple[Any, ...]
    state: Any = None
    appended: list[Any] = dataclasses.field(default_factory=list)
    entries: dict[Any, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(eq=False, slots=True)
class Stored:
    """What a pickle calls by an identifier, as it lies elsewhere in the file."""

    identifier: Any


_TUPLE = Name("builtins", "tuple")


class Refused(pickle.UnpicklingError):
    """The pickle calls a name that is not admitted; the message is that name."""


class _Mark:
    """Where a list of arguments begins on the stack."""


_MARK = _Mark()


def parse(stream: BinaryIO, *, admitted: Callable[[Name], bool], encoding: str, budget: Budget) -> Any:
    """The value of the pickle that `stream` is at, which is left behind its end.

    Classes that are not `admitted` may be named and have instances, as `Made`: only calling other names is refused.

    Args:
        stream: seekable.
        admitted: whether a function of a name may be called, that is, be the `maker` of a `Made`.
        encoding: of strings that Python 2 wrote.
        budget: what the value may take.

    Raises:
        Refused: it calls another name.
        Exception: it is damaged, in any way.
    """
    return _Machine(admitted, encoding, budget).run(stream)


class _Machine:
    def __init__(self, admitted: Callable[[Name], bool], encoding: str, budget: Budget) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self._admitted, self._encoding, self._budget = admitted, encoding, budget

    def run(self, stream: BinaryIO) -> Any:
        while True:
            code = stream.read(1).decode("latin1")
            if not code:
                raise pickle.UnpicklingError("it ends too early")
            opcode = _OPCODES[code]
            self._budget.spend(_COST_OF_AN_OPCODE)
            argument = self._argument(opcode, stream)
            if opcode.name == "STOP":
                (value,) = self.stack
                return value
            self._step(opcode.name, argument)

    def _argument(self, opcode: pickletools.OpcodeInfo, stream: BinaryIO) -> Any:
        if opcode.arg is None:
            return None
        if opcode.name == "STRING":
            return _quoted(stream.readline()).decode(self._encoding)
        value = opcode.arg.reader(stream)
        if isinstance(value, (str, bytes, bytearray)):
            self._budget.spend(sys.getsizeof(value))
            if isinstance(value, str) and opcode.name in ("BINSTRING", "SHORT_BINSTRING"):
                value = value.encode("latin1").decode(self._encoding)
        if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
            raise pickle.UnpicklingError("an integer of too many digits")
        return value

    def _step(self, name: str, argument: Any) -> None:
        match name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                self.stack.append(_MARK)
            case "POP":
                self.stack.pop()
            case "POP_MARK":
                self._items()
            case "DUP":
                self.stack.append(self.stack[-1])
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                self.stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = self._top()
            case "MEMOIZE":
                self.memo[len(self.memo)] = self._top()
            case "GET" | "BINGET" | "LONG_BINGET":
                self.stack.append(self.memo[argument])
            case "PERSID":
                self.stack.append(Stored(argument))
            case "BINPERSID":
                self.stack.append(Stored(self._pop()))
            case "GLOBAL":
                self.stack.append(Name(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                member, module = self._pop(str), self._pop(str)
                self.stack.append(Name(module, member))
            case "EXT1" | "EXT2" | "EXT4" | "NEXT_BUFFER" | "READONLY_BUFFER":
                raise pickle.UnpicklingError(f"the opcode {name}, which such files never hold")
            case _ if name in _CONTAINERS:
                _CONTAINERS[name](self)
            case _ if name in _CALLS:
                _CALLS[name](self, argument)
            case _:  # the argument is the value
                self.stack.append(argument)

    def _top(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise pickle.UnpicklingError("a value is missing")
        return self.stack[-1]

    def _pop(self, kind: Any = object) -> Any:
        value = self._top()
        if not isinstance(value, kind):
            raise pickle.UnpicklingError(f"a {type(value).__name__} where another value belongs")
        return self.stack.pop()

    def _items(self) -> list[Any]:
        """What lies above the topmost mark; both are taken off the stack."""
        for begin in range(len(self.stack) - 1, -1, -1):
            if self.stack[begin] is _MARK:
                items = self.stack[begin + 1 :]
                del self.stack[begin:]
                return items
        raise pickle.UnpicklingError("a mark is missing")

    def _make_tuple(self, size: int) -> None:
        items = [self._pop() for _ in range(size)]
        self.stack.append(tuple(reversed(items)))

    def _append(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Made):
            target = target.appended
        if not isinstance(target, list):
            raise pickle.UnpicklingError("an item of something that is no list")
        target.extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Made):
            target = target.entries
        if not isinstance(target, dict):
            raise pickle.UnpicklingError("an entry of something that is no dict")
        target.update(_pairs(items))

    def _add(self, items: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, set):
            raise pickle.UnpicklingError("an element of something that is no set")
        target.update(_keys(items))

    def _call(self, maker: Any, arguments: Any) -> None:
        if not isinstance(maker, Name) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("it calls something that has no name")
        if not self._admitted(maker):
            raise Refused(str(maker))
        self.stack.append(Made(maker, arguments))

    def _instance(self, kind: Any, arguments: Any) -> None:
        if not isinstance(kind, Name) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("an instance of something that has no name")
        self.stack.append(Made(kind, arguments))

    def _reduce(self) -> None:
        arguments, maker = self._pop(), self._pop()
        self._call(maker, arguments)

    def _obj(self) -> None:
        maker, *arguments = self._items()
        self._call(maker, tuple(arguments))

    def _new(self, *, named: bool) -> None:
        if named:
            self._pop(dict)
        arguments, kind = self._pop(), self._pop()
        self._instance(kind, arguments)

    def _build(self) -> None:
        state, target = self._pop(), self._top()
        if not isinstance(target, Made):
            raise pickle.UnpicklingError(f"a state for a {type(target).__name__}")
        target.state = state


_CONTAINERS: dict[str, Any] = {
    "EMPTY_LIST": lambda m: m.stack.append([]),
    "EMPTY_DICT": lambda m: m.stack.append({}),
    "EMPTY_SET": lambda m: m.stack.append(set()),
    "EMPTY_TUPLE": lambda m: m.stack.append(()),
    "LIST": lambda m: m.stack.append(m._items()),
    "TUPLE": lambda m: m.stack.append(tuple(m._items())),
    "DICT": lambda m: m.stack.append(_pairs(m._items())),
    "FROZENSET": lambda m: m.stack.append(frozenset(_keys(m._items()))),
    "TUPLE1": lambda m: m._make_tuple(1),
    "TUPLE2": lambda m: m._make_tuple(2),
    "TUPLE3": lambda m: m._make_tuple(3),
    "APPEND": lambda m: m._append([m._pop()]),
    "APPENDS": lambda m: m._append(m._items()),
    "SETITEM": lambda m: m._set([m._pop(), m._pop()][::-1]),
    "SETITEMS": lambda m: m._set(m._items()),
    "ADDITEMS": lambda m: m._add(m._items()),
}
_CALLS: dict[str, Any] = {
    "REDUCE": lambda m, _: m._reduce(),
    "OBJ": lambda m, _: m._obj(),
    "INST": lambda m, names: m._call(Name(*names.split(" ", 1)), tuple(m._items())),
    "NEWOBJ": lambda m, _: m._new(named=False),
    "NEWOBJ_EX": lambda m, _: m._new(named=True),
    "BUILD": lambda m, _: m._build(),
}


def _keys(items: list[Any]) -> list[Any]:
    return [_key(item) for item in items]


def _key(item: Any) -> Any:
    """What stands for a key: itself, or a note, which is told from others by its place in memory alone."""
    if isinstance(item, tuple):
        return Made(Name(*item) if isinstance(item, Name) else _TUPLE, ())
    if not isinstance(item, (*_PLAIN_KEYS, Made)) or (isinstance(item, int) and abs(item) > _LARGEST_KEY):
        raise pickle.UnpicklingError(f"a {type(item).__name__} as a key")
    return item


def _pairs(items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise pickle.UnpicklingError("a key without a value")
    return dict(zip(_keys(items[::2]), items[1::2]))


def _quoted(line: bytes) -> bytes:
    """The string that protocol 0 writes as Python 2 would in a program, with its escapes."""
    line = line.rstrip(b"\n")
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise pickle.UnpicklingError("a string without its quotes")
    return codecs.escape_decode(line[1:-1])[0]  # type: ignore[attr-defined, return-value]
