"""The opcodes of a pickle one after another, of those that Python 2 wrote for plain values.

Source: the comments on every opcode in CPython's Lib/pickletools.py.
"""

from collections.abc import Callable, Iterator, Mapping
from struct import Struct, error
from typing import Any, NamedTuple


class UnknownOpcode(ValueError):
    """An opcode that is not read here."""


class _Reader:
    """The bytes of a pickle, taken from the start; never more than there are."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.place = 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        taken = self._content[self.place : self.place + size] if size >= 0 else b""
        if len(taken) != size:
            raise ValueError(f"a text of {size:,} bytes at byte {self.place:,} is not there whole")
        self.place += size
        return taken

    def number(self, form: Struct) -> int:
        """The next number."""
        try:
            found: int = form.unpack_from(self._content, self.place)[0]
        except error as cut:
            raise ValueError("it ends inside a number") from cut
        self.place += form.size
        return found

    def line(self) -> str:
        """What comes before the next end of line."""
        end = self._content.find(b"\n", self.place, self.place + _MOST_LINE)
        if end < 0:
            raise ValueError(f"a line at byte {self.place:,} does not end")
        found = self._content[self.place : end].decode("ascii", "backslashreplace")
        self.place = end + 1
        return found


_MOST_LINE = 1_000
_U1, _U2, _I4, _U4 = Struct("<B"), Struct("<H"), Struct("<i"), Struct("<I")


def _of_number(form: Struct) -> Callable[[_Reader], int]:
    return lambda reader: reader.number(form)


def _of_text(form: Struct, encoding: str) -> Callable[[_Reader], str]:
    return lambda reader: reader.take(reader.number(form)).decode(encoding)


_ARGUMENTS: Mapping[str, tuple[bytes, Callable[[_Reader], Any] | None]] = {
    "PROTO": (b"\x80", _of_number(_U1)), "STOP": (b".", None), "MARK": (b"(", None),
    "NONE": (b"N", None), "NEWTRUE": (b"\x88", None), "NEWFALSE": (b"\x89", None),
    "BININT": (b"J", _of_number(_I4)), "BININT1": (b"K", _of_number(_U1)),
    "BININT2": (b"M", _of_number(_U2)),
    "SHORT_BINSTRING": (b"U", _of_text(_U1, "latin-1")),
    "BINSTRING": (b"T", _of_text(_I4, "latin-1")), "BINUNICODE": (b"X", _of_text(_U4, "utf-8")),
    "EMPTY_DICT": (b"}", None), "EMPTY_LIST": (b"]", None), "EMPTY_TUPLE": (b")", None),
    "TUPLE": (b"t", None), "TUPLE1": (b"\x85", None), "TUPLE2": (b"\x86", None),
    "TUPLE3": (b"\x87", None), "APPEND": (b"a", None), "APPENDS": (b"e", None),
    "SETITEM": (b"s", None), "SETITEMS": (b"u", None),
    "BINPUT": (b"q", _of_number(_U1)), "LONG_BINPUT": (b"r", _of_number(_U4)),
    "BINGET": (b"h", _of_number(_U1)), "LONG_BINGET": (b"j", _of_number(_U4)),
    "GLOBAL": (b"c", lambda reader: f"{reader.line()}.{reader.line()}"),
    "REDUCE": (b"R", None), "BUILD": (b"b", None),
}  # fmt: skip
_BY_CODE = {code[0]: (name, argument) for name, (code, argument) in _ARGUMENTS.items()}


class Opcode(NamedTuple):
    """A step of the program, with what stands behind it in the file."""

    name: str
    argument: Any


def opcodes(content: bytes) -> Iterator[Opcode]:
    """The opcodes up to STOP.

    Raises:
        UnknownOpcode: for one that is not read here.
        ValueError: if the file ends before.
    """
    reader = _Reader(content)
    name = ""
    while name != "STOP":
        code = reader.number(_U1)
        if code not in _BY_CODE:
            raise UnknownOpcode(f"it uses the opcode {bytes([code])!r}, at byte {reader.place - 1}")
        name, argument = _BY_CODE[code]
        yield Opcode(name, None if argument is None else argument(reader))
