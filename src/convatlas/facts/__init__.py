"""Figures that papers print, kept with their digits and their place."""

from convatlas.facts._fact import Fact, Paper, Quantity, Verdict, compare

__all__ = ["Fact", "Paper", "Quantity", "Verdict", "compare"]
