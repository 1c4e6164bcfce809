"""One file from its publisher: complete, verified and in place, or not there at all."""

from collections.abc import Callable
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import urlopen

from convatlas.data._idx import decompressed
from convatlas.errors import UserError
from convatlas.files import writing

_TIMEOUT_S = 30.0
_MAX_BYTES = 64 << 20  # as sent; the largest file has 26 MB
_CHUNK = 1 << 16


def download(
    url: str, path: Path, *, content_sha256: str, done: Callable[[int, int], None], instead: str
) -> None:
    """Fetch `url` to `path`, which appears only when its decompressed content has that SHA-256.

    Args:
        done: hears (bytes so far, bytes in all or 0 if unknown).
        instead: what the person can do without a network, for the message.

    Raises:
        UserError: if the network, the server or the content fails.
    """
    with writing(path) as temporary:
        try:
            with urlopen(url, timeout=_TIMEOUT_S) as response, temporary.open("wb") as file:
                _copy(response, file, int(response.headers.get("Content-Length") or 0), done)
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(error, HTTPError):
                error.close()  # it holds the connection
            raise UserError(f"Cannot download {url!r}: {error}. {instead}") from error
        if not _has_content(temporary, content_sha256):
            raise UserError(f"{url!r} gave other content than its publisher's. {instead}")


def _has_content(path: Path, content_sha256: str) -> bool:
    try:
        return sha256(decompressed(path)).hexdigest() == content_sha256
    except UserError:  # not gzip to its end, or too long
        return False


def _copy(response: BinaryIO, file: BinaryIO, total: int, done: Callable[[int, int], None]) -> None:
    received = 0
    while chunk := response.read(_CHUNK):
        received += len(chunk)
        if received > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES:,} bytes, the limit")
        file.write(chunk)
        done(received, total)
    if received < total:
        raise ValueError(f"the connection ended after {received:,} of {total:,} bytes")
