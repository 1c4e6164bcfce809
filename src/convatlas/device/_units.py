"""Times and sizes as people write them."""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from convatlas.errors import UserError

_SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "\u00b5s": Decimal("1e-6"),  # micro sign
    "\u03bcs": Decimal("1e-6"),  # Greek mu
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
}
_BYTES = {
    "B": Decimal(1),
    "kB": Decimal(10**3),
    "KB": Decimal(10**3),
    "MB": Decimal(10**6),
    "GB": Decimal(10**9),
    "TB": Decimal(10**12),
    "KiB": Decimal(2**10),
    "MiB": Decimal(2**20),
    "GiB": Decimal(2**30),
    "TiB": Decimal(2**40),
}
_QUANTITY = re.compile(
    r"([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,3}))?\s*([A-Za-z\u00b5\u03bc]*)"
)
_LONGEST = 40  # characters
_LEAST_S, _MOST_S = Decimal("1e-9"), Decimal(10**6)
_MOST_BYTES = Decimal(10**15)
_SIGNIFICANT = Context(prec=3, rounding=ROUND_HALF_EVEN)


def seconds_of(text: str) -> float:
    """Seconds from "2ms", "0.5 s", "300us", "1min": a number above zero and a unit.

    Raises:
        UserError: quoting `text`, with the units and an example.
    """
    advice = "Write a number and a unit, ns, us, ms, s, min or h, such as 2ms."
    value = _parsed(text, _SECONDS, "time", advice)
    if not _LEAST_S <= value <= _MOST_S:
        raise UserError(f"{text!r} is out of range: times go from 1ns to {_MOST_S:,}s. {advice}")
    return float(Fraction(value))


def bytes_of(text: str) -> int:
    """Bytes from "200kB" (1000), "200KiB" (1024), "1.5 GiB": rounded to a whole byte.

    Raises:
        UserError: quoting `text`, with the units and an example.
    """
    advice = "Write a number and a unit, B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 200kB."
    value = _parsed(text, _BYTES, "size", advice)
    if not 1 <= value <= _MOST_BYTES:
        raise UserError(f"{text!r} is out of range: sizes go from 1B to 1000TB. {advice}")
    return round(Fraction(value))


def format_seconds(seconds: float) -> str:
    """Three significant digits with the unit that suits: "1.23 ms", "45 s", "3.5 min"."""
    steps = [(1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s"), (60.0, "min")]
    return _formatted(
        Decimal(float(seconds)), [(Decimal(repr(size)), unit) for size, unit in steps]
    )


def format_bytes(size: float) -> str:
    """Three significant digits in decimal units: "200 kB", "1.5 MB"; up to 999 exact."""
    return _formatted(
        Decimal(float(size)), [(_BYTES[unit], unit) for unit in ("B", "kB", "MB", "GB", "TB")]
    )


def _parsed(text: str, units: Mapping[str, Decimal], what: str, advice: str) -> Decimal:
    found = _QUANTITY.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None:
        raise UserError(f"{text[:_LONGEST]!r} is not a {what}. {advice}")
    digits, exponent, unit = found.groups()
    if not unit:
        raise UserError(f"{text!r} has no unit. {advice}")
    if unit not in units:
        raise UserError(f"{text!r} has the unknown unit {unit!r}. {advice}")
    value = Decimal(f"{digits}e{exponent or 0}") * units[unit]
    if value == 0:
        raise UserError(f"{text!r} is zero; the {what} must be above it. {advice}")
    return value


def _formatted(value: Decimal, steps: list[tuple[Decimal, str]]) -> str:
    """In the smallest unit whose rounded value stays below the next; "-" before a negative one."""
    limits = [*(size for size, _ in steps[1:]), Decimal("Infinity")]
    text = ""
    for (size, unit), limit in zip(steps, limits, strict=True):
        shown = _SIGNIFICANT.divide(value, size)
        digits = f"{shown:f}"
        text = f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits} {unit}"
        if abs(shown * size) < limit:
            break
        value = max(abs(value), limit).copy_sign(value)
    return text
