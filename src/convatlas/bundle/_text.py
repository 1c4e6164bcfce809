"""bundle.json as text: read with every limit checked first, written with its own checksum."""

import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from convatlas.bundle._info import FORMAT, BundleInfo
from convatlas.errors import UserError

JSON_NAME = "bundle.json"
MAX_JSON_BYTES = 8 << 20
MAX_DEPTH = 32
_CHECKSUM = "checksum"  # SHA-256 of all other fields; not part of BundleInfo
_SHOWN_ERRORS = 3
_SHOWN_INPUT = 60  # characters


def to_text(info: BundleInfo, path: Path) -> bytes:
    """The content of bundle.json.

    Raises:
        UserError: if it is larger than what is read back, or holds NaN or infinity.
    """
    try:
        plain = json.loads(json.dumps(info.model_dump(), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{str(path)!r} cannot hold this description: {error}. It takes JSON values only: no "
            "NaN, no infinity."
        ) from error
    content = json.dumps({**plain, _CHECKSUM: _checksum(plain)}, indent=1).encode() + b"\n"
    if len(content) > MAX_JSON_BYTES:
        raise UserError(
            f"The description for {str(path)!r} takes {len(content):,} bytes; {MAX_JSON_BYTES:,} "
            "are allowed. Shorten the class names, metrics or history."
        )
    return content


def read_info(file: Path) -> BundleInfo:
    """The description in `file`.

    Raises:
        UserError: naming the file and the field, if anything is not as it was written.
    """
    fields = _fields(file, _content(file))
    _check_format(file, fields.get("format"))
    stored = fields.pop(_CHECKSUM, None)
    if stored != _checksum(fields):
        raise UserError(
            f"{str(file)!r} is not as it was written: its checksum differs. It was edited or "
            "damaged. Use the original, or write the bundle again."
        )
    return _validated(file, fields)


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        content = opened.read(MAX_JSON_BYTES + 1)
    if len(content) > MAX_JSON_BYTES:
        raise UserError(
            f"{str(file)!r} is larger than {MAX_JSON_BYTES:,} bytes, so it is no bundle's "
            "description. Give another bundle."
        )
    return content


def _fields(file: Path, content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unrepeated,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        _check_depth(value)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # refuses lone surrogates
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UserError(
            f"{str(file)!r} is not a bundle's JSON: {_short(reason)}. It is damaged or another "
            "file. Use the original, or write the bundle again."
        ) from error
    if not isinstance(value, dict):
        raise UserError(
            f"{str(file)!r} is not a bundle's JSON: it holds {_short(repr(value))} instead of an "
            "object. Give another bundle."
        )
    return value


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {_short(text)} is out of range")
    return value


def _check_depth(value: Any) -> None:
    """Level by level, so that a hostile file cannot exhaust the stack here."""
    level: Iterable[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in parts(outer)]
        if not level:
            return
    raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")


def parts(value: Any) -> Iterable[Any]:
    """What a JSON value holds directly."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_format(file: Path, found: Any) -> None:
    if type(found) is not int:
        raise UserError(
            f"{str(file)!r} does not say its format, so it is no bundle's description. "
            "Give another bundle."
        )
    if found > FORMAT:
        raise UserError(
            f"{str(file)!r} has format {found}; this convatlas reads up to {FORMAT}. "
            "Upgrade: pip install --upgrade convatlas."
        )


def _checksum(fields: dict[str, Any]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _validated(file: Path, fields: dict[str, Any]) -> BundleInfo:
    try:
        return BundleInfo.model_validate(fields)
    except ValidationError as error:
        found = error.errors(include_url=False)
        told = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {_short(repr(e['input']))}"
            for e in found[:_SHOWN_ERRORS]
        ]
        more = f"; and {len(found) - _SHOWN_ERRORS} more" if len(found) > _SHOWN_ERRORS else ""
        raise UserError(
            f"{str(file)!r} does not describe a bundle: {'; '.join(told)}{more}. "
            "Mend the fields or use the original."
        ) from error


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_INPUT else f"{text[:_SHOWN_INPUT]}..."
