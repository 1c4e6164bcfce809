"""Recipes by name, one file each: a paper's, or our own."""

from convatlas.training.recipes._find import AnyRecipe, find, made_for, names, read_recipe

__all__ = ["AnyRecipe", "find", "made_for", "names", "read_recipe"]
