"""Many names in little memory."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import eq
from typing import overload


class Names(Sequence[str]):
    """Strings one behind another in one piece of memory: 8 bytes beside each instead of 57 or more.

    A million of them are what an evaluation keeps while images pass through it.
    """

    __slots__ = ("_content", "_ends")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._content = bytearray()
        self._ends = array("q")
        for name in names:
            self.append(name)

    def append(self, name: str) -> None:
        """Add a name; undecodable bytes of a path, as Python spells them, are kept."""
        self._content += name.encode("utf-8", "surrogateescape")
        self._ends.append(len(self._content))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        place = range(len(self))[index]
        start = self._ends[place - 1] if place else 0
        raw = bytes(self._content[start : self._ends[place]])
        return raw.decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Names):
            return self._ends == other._ends and self._content == other._content
        if isinstance(other, tuple | list):
            return len(self) == len(other) and all(map(eq, self, other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it can grow

    def chosen(self, places: Iterable[int]) -> "Names":
        """The names at those places, in that order."""
        return Names(self[place] for place in places)
