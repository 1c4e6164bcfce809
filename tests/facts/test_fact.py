"""A fact's verdict, and the tables of facts that are found by being there."""

from importlib import import_module
from pathlib import Path

import pytest

import convatlas.facts.tables
from convatlas.facts import Fact, Paper, table_facts

PAPER = Paper("Nobody2000", "A title", "A venue", "a link")
TABLES = sorted(
    path.stem
    for path in Path(convatlas.facts.tables.__file__).parent.glob("*.py")
    if not path.stem.startswith("_")
)


def fact(quantity, printed, unit=1):
    return Fact("lenet5", quantity, printed, PAPER, "Table 9", unit=unit)


@pytest.mark.parametrize("quantity", ["layers", "channels", "side"])
def test_what_is_counted_one_by_one_is_right_or_wrong(quantity):
    assert fact(quantity, "120").verdict(120) == "exact"
    assert fact(quantity, "120").verdict(121) == "differs"
    assert fact("params", "120").verdict(121) == "rounds"


def test_a_source_that_counts_in_units():
    """527.79 MiB of weights, printed as 528 MB."""
    assert fact("size_bytes", "528", 2**20).verdict(553_430_176) == "rounds"
    assert fact("size_bytes", "528e6").verdict(553_430_176) == "differs"
    assert fact("size_bytes", "2", 2**10).verdict(2**11) == "exact"


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_found(name):
    own = import_module(f"convatlas.facts.tables.{name}").FACTS
    assert own
    assert set(own) <= set(table_facts())
