"""The few pickles that data sets were published as, read without Python's unpickler.

A pickle is a program for a stack machine that can call anything. Here an interpreter of our own
runs only the opcodes that Python 2 wrote for dictionaries of numbers, texts and one NumPy array of
bytes, and the only things it can make are those: no name in the file is ever looked up.

Source: the comments on every opcode in CPython's Lib/pickletools.py.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data.formats._opcodes import opcodes
from convatlas.errors import UserError

MOST_BYTES = 512 << 20  # the largest file of the family has 155 MB
_MOST_OPCODES = 5_000_000
_MOST_AXES = 4


class _Constructor(NamedTuple):
    """What a name in the file stands for; nothing is imported for it."""

    what: str


_NAMES: Mapping[str, _Constructor] = {
    "numpy.core.multiarray._reconstruct": _Constructor("array"),
    "numpy.ndarray": _Constructor("array type"),
    "numpy.dtype": _Constructor("dtype"),
}


class _Bytes(NamedTuple):
    """NumPy's type of unsigned bytes."""


class _Array:
    """An array that is filled by its state, which comes later in the file."""

    def __init__(self) -> None:
        self.content: npt.NDArray[np.uint8] | None = None


class _Refused(ValueError):
    """Why, in words that end "x is no pickle that is read here: ..."."""


def read_pickle(content: bytes, name: str) -> dict[str, Any]:
    """The dictionary in a pickle: texts to numbers, texts, lists and arrays of bytes.

    Args:
        name: the file, for the message.

    Raises:
        UserError: if it holds anything else or is damaged. Nothing of it is ever run.
    """
    machine = _Machine(len(content))
    try:
        for count, opcode in enumerate(opcodes(content)):
            if count > _MOST_OPCODES:
                raise _Refused(f"it has more than {_MOST_OPCODES:,} opcodes")
            machine.run(opcode.name, opcode.argument)
        found = machine.result
    except ValueError as error:
        raise UserError(
            f"{name!r} is no pickle that is read here: {error}. Only dictionaries of numbers, "
            "texts and arrays of bytes are, as CIFAR's publisher wrote them. Get the file again."
        ) from error
    return {key: _plain(value) for key, value in found.items()}


def _plain(value: Any) -> Any:
    if not isinstance(value, _Array):
        return value
    return np.empty(0, np.uint8) if value.content is None else value.content


class _Machine:
    """The stack, its marks and the memory of a pickle."""

    def __init__(self, most_array_bytes: int) -> None:
        self._most = most_array_bytes  # in all: a text may be used again and again
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self.result: dict[str, Any] = {}

    def run(self, opcode: str, argument: Any) -> None:
        """One opcode of the file."""
        if opcode in _PUSHED:
            self._stack.append(argument)
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode]())
        else:
            _ACTIONS[opcode](self, argument)

    def mark(self, _: Any) -> None:
        """Remember how high the stack is."""
        self._marks.append(len(self._stack))

    def to_mark(self) -> list[Any]:
        """What was pushed since the last mark, taken off the stack."""
        if not self._marks:
            raise _Refused("it asks for a mark that was not set")
        height = self._marks.pop()
        items = self._stack[height:]
        del self._stack[height:]
        return items

    def pop(self) -> Any:
        """The topmost value above the last mark."""
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise _Refused("it takes more from the stack than was put there")
        return self._stack.pop()

    def pops(self, count: int) -> list[Any]:
        """The topmost values, the lowest first."""
        return [self.pop() for _ in range(count)][::-1]

    def put(self, number: Any) -> None:
        """Keep the topmost value under a number."""
        if not self._stack:
            raise _Refused("it keeps the top of an empty stack")
        self._memo[number] = self._stack[-1]

    def get(self, number: Any) -> None:
        """Push the value kept under a number."""
        if number not in self._memo:
            raise _Refused(f"it asks for number {number} of its memory, which is empty")
        self._stack.append(self._memo[number])

    def name(self, argument: Any) -> None:
        """Push what a name stands for; only NumPy's array of bytes has names here."""
        if argument not in _NAMES:
            raise _Refused(f"it asks for {argument[:80]!r}, which is not made")
        self._stack.append(_NAMES[argument])

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self._stack.append(value)

    def call(self, _: Any) -> None:
        """An array or a type from its arguments."""
        maker, arguments = self.pops(2)
        if maker is _NAMES["numpy.core.multiarray._reconstruct"]:
            if arguments != (_NAMES["numpy.ndarray"], (0,), "b"):
                raise _Refused("it makes an array in an unknown way")
            self._stack.append(_Array())
        elif maker is _NAMES["numpy.dtype"]:
            if arguments != ("u1", 0, 1):
                raise _Refused("it holds an array of other values than unsigned bytes")
            self._stack.append(_Bytes())
        else:
            raise _Refused("it calls something that is no constructor")

    def build(self, _: Any) -> None:
        """Give an array its content; the state of a type of bytes says nothing new."""
        target, state = self.pops(2)
        if isinstance(target, _Array):
            target.content = _array(state)
            self._most -= target.content.size
            if self._most < 0:
                raise _Refused("its arrays hold more bytes than the file")
        elif not isinstance(target, _Bytes):
            raise _Refused("it sets the state of something that has none")
        self._stack.append(target)

    def append_to_list(self, items: list[Any]) -> None:
        """Values to the end of the list below them."""
        if not self._stack or not isinstance(self._stack[-1], list):
            raise _Refused("it appends to something that is no list")
        self._stack[-1].extend(items)

    def set_in_dictionary(self, items: list[Any]) -> None:
        """Keys and values into the dictionary below them."""
        target = self._stack[-1] if self._stack else None
        keys = items[::2]
        if not isinstance(target, dict) or len(items) % 2 or any(type(k) is not str for k in keys):
            raise _Refused("it sets keys that are no texts, or in something that is no dictionary")
        target.update(zip(keys, items[1::2], strict=True))

    def stop(self, _: Any) -> None:
        """The end: one dictionary must be left."""
        if len(self._stack) != 1 or self._marks or not isinstance(self._stack[0], dict):
            raise _Refused("it does not end with one dictionary")
        self.result = self._stack[0]


def _array(state: Any) -> npt.NDArray[np.uint8]:
    """The array of NumPy's state: version, shape, type, whether columns come first, bytes."""
    if not isinstance(state, tuple) or len(state) != 5 or state[0] != 1:
        raise _Refused("the state of its array is not NumPy's")
    _, shape, kind, by_columns, text = state
    sound = (
        isinstance(shape, tuple) and 1 <= len(shape) <= _MOST_AXES
        and all(type(side) is int and side >= 0 for side in shape)
        and isinstance(kind, _Bytes) and type(by_columns) is bool and isinstance(text, str)
    )  # fmt: skip
    if not sound:
        raise _Refused("the state of its array is not one of unsigned bytes")
    if prod(shape) != len(text):
        declared = " x ".join(map(str, shape))
        raise _Refused(f"its array declares {declared} bytes and holds {len(text):,}")
    content = np.frombuffer(text.encode("latin-1"), np.uint8)
    return content.reshape(shape, order="F" if by_columns else "C")


_PUSHED = frozenset(("BININT", "BININT1", "BININT2", "SHORT_BINSTRING", "BINSTRING", "BINUNICODE"))
_CONSTANTS: Mapping[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
_ACTIONS: Mapping[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, argument: None,
    "MARK": _Machine.mark,
    "TUPLE": lambda machine, _: machine.push(tuple(machine.to_mark())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.pops(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.pops(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.pops(3))),
    "APPEND": lambda machine, _: machine.append_to_list(machine.pops(1)),
    "APPENDS": lambda machine, _: machine.append_to_list(machine.to_mark()),
    "SETITEM": lambda machine, _: machine.set_in_dictionary(machine.pops(2)),
    "SETITEMS": lambda machine, _: machine.set_in_dictionary(machine.to_mark()),
    "BINPUT": _Machine.put, "LONG_BINPUT": _Machine.put,
    "BINGET": _Machine.get, "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.name,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
    "STOP": _Machine.stop,
}  # fmt: skip
