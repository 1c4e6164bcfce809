"""What tells of a file that it is as it was."""

import os
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from convatlas.data._collection import Stamps


class Stamp(NamedTuple):
    """Size and time of the last change."""

    size: int
    mtime_ns: int


def stamp_of(path: str) -> Stamp | None:
    """The stamp of a file; None if there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def stamps_of(paths: Iterable[str], n: int) -> Stamps:
    """The stamps of n files."""
    sizes, times = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    for index, path in enumerate(paths):
        if (stamp := stamp_of(path)) is not None:
            sizes[index], times[index] = stamp
    return Stamps(sizes, times)
