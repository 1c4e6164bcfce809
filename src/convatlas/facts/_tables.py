"""Finding the tables that list nets of many families; a table is found by its file being there."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from convatlas.facts._fact import Fact


@cache
def table_facts() -> tuple[Fact, ...]:
    """The figures of every table in `facts/tables`, in the order of the files' names."""
    package = import_module("convatlas.facts.tables")
    names = sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_"))
    tables = [import_module(f"convatlas.facts.tables.{name}").FACTS for name in names]
    return tuple(fact for table in tables for fact in table)
