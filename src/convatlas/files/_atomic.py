"""Writing a file or a directory so that a reader sees the old one or the new one, never half."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp, mkstemp
from typing import Any

from convatlas.errors import UserError
from convatlas.files._exchange import exchange
from convatlas.files._strays import PREFIX, held, remove, sweep

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_MISPLACED = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)
_NO_DIRECTORY_SYNC = (errno.EINVAL, errno.ENOTSUP)  # file systems that cannot flush a directory


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success flush it to disk and rename it to `path`.

    What a killed writer of the same `path` left behind is removed.

    Raises:
        UserError: if the disk is full or the directory cannot be written; `path` is untouched.
    """
    with _explained(path, whatever=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        handle, name = mkstemp(prefix=f"{PREFIX}{path.name}-", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with _explained(path), held(temporary):
            yield temporary
            _flush(temporary)
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Refuse a place where `writing` would fail, before the work whose result goes there.

    Folders on the way are made; `path` itself is untouched.

    Raises:
        UserError: as `writing`.
    """
    with _explained(path, whatever=True):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = mkstemp(prefix=f"{PREFIX}{path.name}-", dir=path.parent)
    os.close(handle)
    Path(name).unlink()


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with writing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all; NaN and infinity are refused."""
    write_atomic(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


@contextmanager
def replace_directory(path: Path) -> Iterator[Path]:
    """Give an empty directory to fill; on success it takes the place of `path`.

    On Linux the two change places in one step, so `path` exists at every moment. Elsewhere the old
    one is moved aside for an instant, and moved back should the second step fail.

    Raises:
        UserError: if the disk is full or the place cannot be written; `path` is untouched.
    """
    with _explained(path, whatever=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        temporary = Path(mkdtemp(prefix=f"{PREFIX}{path.name}-", dir=path.parent))
    try:
        with _explained(path), held(temporary):
            yield temporary
            for file in temporary.rglob("*"):
                _flush(file)
            temporary.chmod(0o777 & ~_umask())
            _flush(temporary)
            exchange(temporary, path)
            _flush(path.parent)
    finally:
        remove(temporary)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def _explained(path: Path, *, whatever: bool = False) -> Iterator[None]:
    """Tell a failure as the user's: one of the usual ones, or `whatever` it is."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(
                f"No space left to write {str(path)!r}; nothing was changed there. "
                f"{_free_bytes(path):,} bytes are free. Free some and run again."
            ) from error
        if whatever or error.errno in _REFUSED + _MISPLACED:
            reason = "a file is in the way" if error.errno == errno.EEXIST else error.strerror
            raise UserError(
                f"Cannot write {str(path)!r}: {reason}{_culprit(error, path)}. "
                "Choose another place."
            ) from error
        raise


def _free_bytes(path: Path) -> int:
    there = next(p for p in path.absolute().parents if p.exists())
    return shutil.disk_usage(there).free


def _culprit(error: OSError, path: Path) -> str:
    """The file the system complained about, when it is not `path` or a temporary beside it."""
    name = "" if error.filename is None else os.fsdecode(error.filename)
    ours = not name or name == str(path) or PREFIX in name
    return "" if ours else f" ({name!r})"
