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

_TEMPORARY = ".tmp-"


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success flush it to disk and rename it to `path`.

    Raises:
        UserError: if the disk is full or the directory cannot be written; `path` is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(prefix=f"{_TEMPORARY}{path.name}-", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with _explained(path):
            yield temporary
            _flush(temporary)
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


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

    An existing `path` is moved aside first and removed last, so a reader finds the old or the new.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(mkdtemp(prefix=f"{_TEMPORARY}{path.name}-", dir=path.parent))
    try:
        with _explained(path):
            yield temporary
            for file in temporary.rglob("*"):
                _flush(file)
            _flush(temporary)
            temporary.chmod(0o777 & ~_umask())
            aside = path.with_name(f"{temporary.name}-old")
            if path.exists():
                path.rename(aside)
            temporary.rename(path)
            _flush(path.parent)
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(
                f"No space left to write {str(path)!r}; nothing was changed there. "
                f"{shutil.disk_usage(path.parent).free:,} bytes are free. Free some and run again."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise UserError(
                f"Cannot write {str(path)!r}: {error.strerror}. Choose another place."
            ) from error
        raise
