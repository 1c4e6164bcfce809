"""Figures that papers print, kept with their digits and their place."""

from convatlas.facts._fact import Convention, Fact, Paper, Quantity, Verdict, compare
from convatlas.facts._slip import Count, Slip
from convatlas.facts._tables import table_facts

__all__ = [
    "Convention",
    "Count",
    "Fact",
    "Paper",
    "Quantity",
    "Slip",
    "Verdict",
    "compare",
    "table_facts",
]
