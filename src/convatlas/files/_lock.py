"""One process per directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from convatlas.errors import UserError


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold `directory` for this process; the lock goes with the process, also when it is killed.

    Raises:
        UserError: if another process holds it, or it cannot be written.
    """
    with _opened(directory) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise UserError(
                f"{str(directory)!r} is in use by another convatlas process (pid {holder}). "
                "Wait for it to end, or give another directory with --out."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _opened(directory: Path) -> TextIO:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return (directory / ".lock").open("a+")
    except OSError as error:
        raise UserError(
            f"Cannot use {str(directory)!r} as a directory: {error.strerror}. "
            "Give another directory with --out."
        ) from error
