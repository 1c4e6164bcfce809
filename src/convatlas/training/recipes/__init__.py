"""Recipes by name, one file each: a paper's, or our own."""

from convatlas.training.recipes._described import (
    EXAMPLE,
    Described,
    Difference,
    Value,
    described,
    differences,
    schedule_in_words,
)
from convatlas.training.recipes._find import AnyRecipe, find, made_for, names, read_recipe
from convatlas.training.recipes._without import WITHOUT, why_none

__all__ = [
    "EXAMPLE",
    "WITHOUT",
    "AnyRecipe",
    "Described",
    "Difference",
    "Value",
    "described",
    "differences",
    "find",
    "made_for",
    "names",
    "read_recipe",
    "schedule_in_words",
    "why_none",
]
