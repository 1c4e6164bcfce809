"""Putting one directory in another's place."""

import ctypes
import errno
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from convatlas.files._strays import ASIDE, remove

_AT_FDCWD = -100  # <fcntl.h>: paths are relative to the working directory
_RENAME_EXCHANGE = 2  # <linux/fs.h>
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def exchange(new: Path, path: Path) -> None:
    """Let directory `new` become `path`; a directory that was at `path` is then at `new`, or gone.

    Raises:
        NotADirectoryError: if a file is at `path`.

    Source: renameat2(2), flag RENAME_EXCHANGE.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is a file, not a directory", str(path))
    if not path.exists():
        new.rename(path)
    elif not _exchanged(new, path):
        _moved_aside(new, path)


def _exchanged(new: Path, path: Path) -> bool:
    call = _renameat2()
    if call is None:
        return False
    paths = os.fsencode(new), os.fsencode(path)
    if call(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(path))


@cache
def _renameat2() -> Any:
    """The C library's function, or None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is not None:
        call.argtypes = [
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_uint,
        ]
    return call


def _moved_aside(new: Path, path: Path) -> None:
    """Two renames; the old directory is removed last."""
    aside = new.with_name(f"{new.name}{ASIDE}")
    path.rename(aside)
    try:
        new.rename(path)
    except OSError:
        aside.rename(path)
        raise
    remove(aside)
