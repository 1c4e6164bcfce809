"""Times of a job, as people write them: 90s, 10m, 2h."""

import re
from math import isfinite

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_TIME = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*([a-z]+)")
_MOST_S = 1e7


def duration_of(option: str, text: str) -> float:
    """Seconds of `text`, the value of `option`: a number above zero and its unit.

    Raises:
        UserError: quoting both, with the units and an example.
    """
    from convatlas.errors import UserError

    found = _TIME.fullmatch(text.strip()) if len(text) <= 40 else None
    seconds = float(found[1]) * _UNITS.get(found[2], 0.0) if found else 0.0
    if not isfinite(seconds) or not 0 < seconds <= _MOST_S:
        raise UserError(
            f"{option} {text[:40]!r} is not a time. Write a number above 0 and a unit, s, m or h: "
            "90s, 10m, 2h."
        )
    return seconds
