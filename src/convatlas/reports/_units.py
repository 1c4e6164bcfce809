"""Figures as a reader meets them; a figure that is missing or not finite is a dash."""

from math import floor, isfinite, log10, sqrt
from typing import Any

MISSING = "\u2013"
_DECIMAL = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: Any) -> float | None:
    """The value as a float, or None where there is no finite number."""
    if isinstance(value, (int, float)) and isfinite(value):
        return float(value)
    return None


def digits(value: float, significant: int = 3) -> str:
    """`value` with that many significant digits and never an exponent: 0.410, 41.2, 412."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{significant}g}")
    places = max(0, significant - 1 - floor(log10(abs(rounded))))
    return f"{rounded:,.{places}f}"


def seconds(value: Any) -> str:
    """A duration: 0.41 ms, 2.5 s, 3 min 20 s, 1 h 5 min."""
    s = number(value)
    if s is None:
        return MISSING
    if s < 1e-3:
        return f"{digits(s * 1e3, 2)} ms" if s >= 1e-5 else f"{digits(s * 1e6, 2)} \u00b5s"
    if s < 1:
        return f"{digits(s * 1e3)} ms"
    if s < 60:
        return f"{digits(s, 2)} s"
    minutes, rest = divmod(round(s), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def size(value: Any) -> str:
    """Bytes in decimal units: 212 kB."""
    return scaled(value, "B")


def scaled(value: Any, unit: str = "") -> str:
    """Three digits and a decimal prefix: 1.25 M."""
    v = number(value)
    if v is None:
        return MISSING
    for factor, prefix in _DECIMAL:
        if abs(v) >= 0.9995 * factor:
            return f"{digits(v / factor)} {prefix}{unit}"
    return f"{digits(v)} {unit}".rstrip()


def count(value: Any) -> str:
    """A whole number with its thousands apart: 10,000."""
    v = number(value)
    return MISSING if v is None else f"{v:,.0f}"


def counted(value: int, thing: str, plural: str = "") -> str:
    """1 image, 2 images."""
    return f"{value:,} {thing if value == 1 else plural or f'{thing}s'}"


def percent(value: Any, places: int = 1) -> str:
    """A figure that is in percent already: 93.1 %."""
    v = number(value)
    return MISSING if v is None else f"{v:.{places}f} %"


def quantity(value: Any, unit: str) -> str:
    """A measured value of a budget: `unit` is s or bytes."""
    return seconds(value) if unit == "s" else size(value)


def limit(value: Any, unit: str) -> str:
    """A value that somebody asked for, without the zeros they did not write: 5 ms, 1 MB."""
    figure, _, scale = quantity(value, unit).partition(" ")
    return f"{figure.rstrip('0').rstrip('.') if '.' in figure else figure} {scale}".rstrip()


def interval(accuracy: float, n: int) -> tuple[float, float]:
    """95 % interval (Wilson) of an accuracy in percent measured on `n` images."""
    z, p = 1.96, accuracy / 100
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return 100 * (centre - half), 100 * (centre + half)
