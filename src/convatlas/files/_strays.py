"""What a killed writer leaves behind, and how it is told from a writer still at work."""

import fcntl
import glob
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".tmp-"
ASIDE = "-old"
STRAY_AGE_S = 60.0  # a writer locks its temporary within microseconds of making it


@contextmanager
def held(temporary: Path) -> Iterator[None]:
    """Lock `temporary` for as long as it is being written; the lock dies with the process."""
    handle = os.open(temporary, os.O_RDONLY)
    try:
        _locked(handle)
        yield
    finally:
        os.close(handle)


def sweep(path: Path) -> None:
    """Remove temporaries of `path` that no process holds and that have not changed for a minute.

    A directory that was moved aside stays while nothing has taken its place.
    """
    for name in glob.glob(f"{glob.escape(str(path.parent / f'{PREFIX}{path.name}-'))}*"):
        stray = Path(name)
        if name.endswith(ASIDE) and not path.exists():
            continue
        try:
            if time.time() - stray.lstat().st_mtime > STRAY_AGE_S and not _is_held(stray):
                remove(stray)
        except OSError:  # gone meanwhile, or not ours to remove
            continue


def _is_held(stray: Path) -> bool:
    handle = os.open(stray, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return not _locked(handle)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another holds it, or this file system has no locks
        return False
    return True


def remove(stray: Path) -> None:
    """Remove a directory with all that is in it, a link, or a file; absent is fine."""
    if stray.is_dir() and not stray.is_symlink():
        shutil.rmtree(stray, ignore_errors=True)
    else:
        stray.unlink(missing_ok=True)
