"""Recomputing what papers print."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from convatlas import models
from convatlas.analysis._measure import Measured
from convatlas.errors import UnknownName
from convatlas.facts import Count, Fact, Slip, Verdict, table_facts

Outcome = Literal["exact", "rounds", "truncates", "explained", "open", "unexplained"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A printed figure beside the recomputed one."""

    fact: Fact
    measured: int | float
    verdict: Verdict

    @property
    def outcome(self) -> Outcome:
        """The verdict; of a figure that differs, whether the fact says why.

        "open": no cause is known, and the fact says what was tried.
        """
        if self.verdict != "differs":
            return self.verdict
        if not self.fact.because:
            return "unexplained"
        return "open" if self.fact.open else "explained"

    @property
    def passed(self) -> bool:
        """Whether the figures agree to the printed digits, or the fact says why they do not."""
        return self.outcome != "unexplained"

    @property
    def label(self) -> str:
        """What the figure is of: "params", "params of stages.fire2", "mult_adds @192"."""
        part = f" of {self.fact.part}" if self.fact.part else ""
        side = f" @{self.fact.input_side}" if self.fact.input_side else ""
        way = "" if self.fact.convention == "conv+linear" else f" ({self.fact.convention})"
        return f"{self.fact.quantity}{part}{side}{way}"

    @property
    def printed(self) -> str:
        """The source's figure: "138e6", "528 x 2^20"."""
        unit = self.fact.unit
        return self.fact.printed + (f" x 2^{unit.bit_length() - 1}" if unit > 1 else "")

    @property
    def source(self) -> str:
        """The paper's key and the place in it."""
        return f"{self.fact.paper.key}, {self.fact.where}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "outcome": self.outcome, "passed": self.passed}


@dataclass(frozen=True, slots=True)
class CheckedSlip:
    """A slip with the right figure at hand."""

    slip: Slip
    right: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self.slip), "right": self.right}


def check_facts(pattern: str = "*") -> list[Checked]:
    """Recompute the printed figures of the variants or families that match a shell pattern.

    A family's own figures come first, then what tables of other papers say of its nets.

    Raises:
        UnknownName: if nothing matches.
    """
    matching = [
        family
        for family in models.families().values()
        if fnmatchcase(family.name, pattern)
        or any(fnmatchcase(name, pattern) for name in family.variants)
    ]
    if not matching:
        known = {*models.variants(), *models.families()}
        raise UnknownName("variant or family", pattern, known, "`convatlas models`")
    facts = [
        fact
        for family in matching
        for fact in (*family.facts, *(f for f in table_facts() if f.variant in family.variants))
        if fnmatchcase(family.name, pattern) or fnmatchcase(fact.variant, pattern)
    ]
    return _checked(facts)


def check_slips(slips: Iterable[Slip]) -> list[CheckedSlip]:
    """What is right where a text is wrong, counted anew where a net tells."""
    counts = [slip.right for slip in slips if isinstance(slip.right, Count)]
    figures = _figures(counts)
    return [
        CheckedSlip(s, f"{figures[s.right]:,}" if isinstance(s.right, Count) else s.right)
        for s in slips
    ]


def _checked(facts: Iterable[Fact]) -> list[Checked]:
    facts = list(facts)
    asked = {fact: _count(fact) for fact in facts}
    figures = _figures(asked.values())
    found = ((fact, figures[asked[fact]]) for fact in facts)
    return [Checked(fact, measured, fact.verdict(measured)) for fact, measured in found]


def _count(fact: Fact) -> Count:
    return Count(fact.variant, fact.quantity, fact.part, fact.input_side, fact.convention)


def _figures(counts: Iterable[Count]) -> dict[Count, int | float]:
    """Every figure asked for; each net is built once and let go before the next."""
    by_net: dict[tuple[str, int | None], list[Count]] = {}
    for count in dict.fromkeys(counts):
        by_net.setdefault((count.variant, count.input_side), []).append(count)
    figures: dict[Count, int | float] = {}
    with _older_objects_left_alone():
        for (variant, side), asked in by_net.items():
            net = Measured(variant, side)
            figures |= {
                count: net.figure(count.quantity, count.part, count.convention) for count in asked
            }
    return figures


@contextmanager
def _older_objects_left_alone() -> Iterator[None]:
    """Nets are let go by the thousand layers; what stays is not looked at again for each of them.

    Without it the garbage collector takes a quarter of the time.
    """
    if gc.get_freeze_count():  # by somebody else, who wants it to stay so
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
