"""Whether a value can stand in a field of a spec, judged by the value that stands there."""

from typing import Any

from convatlas.errors import UserError


def check_plausible(field: str, value: Any, present: Any) -> None:
    """Nothing, when `value` is of the kind of `present` and no number of it is impossible.

    Whole numbers are from 1, where `present` is 0 or a padding from 0; other numbers are from 0,
    where `present` is negative any. What only the family can judge is left to it.

    Raises:
        UserError: naming the value and what is allowed.
    """
    if present is None or value is None:
        return
    if isinstance(present, bool):
        _require(isinstance(value, bool), field, value, "True or False")
    elif isinstance(present, int | float):
        _check_number(field, value, present)
    elif isinstance(present, tuple):
        _require(isinstance(value, tuple), field, value, f"a tuple, as {present!r}")
        for number in _numbers(value):
            _require(number >= 0, field, value, "made of numbers from 0")


def _check_number(field: str, value: Any, present: int | float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(present, float):
        least = float("-inf") if present < 0 else 0
        holds = number and least <= value < float("inf")
        _require(holds, field, value, "a number" if present < 0 else "a number from 0")
        return
    least = 0 if present == 0 or "padding" in field else 1
    whole = number and isinstance(value, int) and value >= least
    _require(whole, field, value, f"a whole number from {least}")


def _require(holds: bool, field: str, value: Any, wanted: str) -> None:
    if not holds:
        raise UserError(f"{field}={value!r}; it must be {wanted}.")


def _numbers(value: Any) -> list[int | float]:
    if isinstance(value, tuple):
        return [number for part in value for number in _numbers(part)]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return [value] if number else []
