"""Finding the tables: one file per family in this folder, found by being there."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from convatlas.foreign._source import Source


@cache
def sources() -> tuple[Source, ...]:
    """Every source, in the order of the files' names."""
    package = import_module("convatlas.foreign")
    names = sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_"))
    tables = [import_module(f"convatlas.foreign.{name}").SOURCES for name in names]
    return tuple(source for table in tables for source in table)


def sources_of(variant: str) -> tuple[Source, ...]:
    """The sources that have our `variant`, at most one per library."""
    return tuple(source for source in sources() if variant in source.variants)
