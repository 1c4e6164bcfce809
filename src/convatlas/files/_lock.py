"""One process per directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convatlas.errors import UserError


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold `directory` for this process; the lock goes with the process, also when it is killed.

    Raises:
        UserError: if another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("a+") as file:
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
