"""Dividing the time a person gives between searching and training the winner."""

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from convatlas.device import format_seconds

REDUCTION = 3  # of three candidates one goes on, with three times the time
_SEARCH_SHARE = 0.38
_ROUNDS = 3
_LEAST_S = 1.5  # a shorter training tells nothing
_MOST_CANDIDATES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of successive halving."""

    candidates: int
    seconds_each: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rounds of the search; what is left of the time goes to the winner."""

    rounds: tuple[Round, ...]
    final_s: float  # for the winner

    def __str__(self) -> str:
        tried = [f"{r.candidates} nets for {format_seconds(r.seconds_each)}" for r in self.rounds]
        return ", then ".join([*tried, f"the winner for {format_seconds(self.final_s)}"])

    def as_dict(self) -> dict[str, Any]:
        """For the ledger that machines share."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "Plan":
        """The inverse of `as_dict`."""
        return cls(rounds=tuple(Round(**r) for r in stored["rounds"]), final_s=stored["final_s"])


def plan(left_s: float, listed: int) -> Plan:
    """Rounds in which each gives every candidate equal time, and the best third goes on.

    Equal time, not equal epochs: the winner will be trained for a time too, and a net that learns
    more in it is the better one. With one candidate there is nothing to search.

    Source: Jamieson and Talwalkar, AISTATS 2016 (successive halving).
    """
    if listed <= 1:
        return Plan(rounds=(), final_s=left_s)
    search_s = _SEARCH_SHARE * left_s
    least = max(_LEAST_S, search_s / (_ROUNDS * _MOST_CANDIDATES))
    first = min(listed, max(REDUCTION, int(search_s / (_ROUNDS * least))))
    sizes = [first]
    while sizes[-1] > 2 and len(sizes) < _ROUNDS:
        sizes.append(ceil(sizes[-1] / REDUCTION))
    unit = search_s / sum(size * REDUCTION**i for i, size in enumerate(sizes))
    return Plan(
        rounds=tuple(
            Round(candidates=size, seconds_each=unit * REDUCTION**i) for i, size in enumerate(sizes)
        ),
        final_s=left_s - search_s,
    )
