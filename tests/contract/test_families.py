"""What every family promises, and that none goes without tests of its paper."""

from decimal import Decimal
from pathlib import Path

import pytest

import convatlas.models
from convatlas.analysis import check_facts
from convatlas.models import Spec, families, find

PAPERS = Path(__file__).parents[1] / "papers"
FILES = sorted(
    path.stem
    for path in Path(convatlas.models.__file__).parent.glob("*.py")
    if not path.stem.startswith("_")
)


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_a_family_with_tests_of_its_paper(name):
    assert name in families()
    assert (PAPERS / f"test_{name}.py").is_file()


def test_no_tests_of_papers_without_a_family():
    tested = {path.stem.removeprefix("test_") for path in PAPERS.glob("test_*.py")}
    assert tested <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_figures_or_the_reason_for_having_none(name):
    family = families()[name]
    assert bool(family.facts) != bool(family.no_facts_because)
    for fact in family.facts:
        assert fact.variant in family.variants
        assert Decimal(fact.printed) > 0
        assert fact.where
        assert fact.paper.link


@pytest.mark.parametrize("name", FILES)
def test_no_figure_is_listed_twice(name):
    facts = families()[name].facts
    assert len(set(facts)) == len(facts)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_printed_figures_are_recomputed(name):
    if not families()[name].facts:
        return
    failed = [
        (c.fact.variant, c.fact.printed, c.measured) for c in check_facts(name) if not c.passed
    ]
    assert failed == []


@pytest.mark.parametrize("name", FILES)
def test_widths_rise_to_or_past_the_papers_own(name):
    widths = families()[name].widths
    assert list(widths) == sorted(set(widths))
    assert 1.0 in widths
    assert widths[0] > 0


@pytest.mark.parametrize("name", FILES)
def test_variants_share_one_kind_of_spec(name):
    kinds = {type(spec) for spec in families()[name].variants.values()}
    assert len(kinds) == 1
    assert issubclass(kinds.pop(), Spec)


def test_a_name_means_one_network():
    listed = [name for family in families().values() for name in family.variants]
    assert sorted(listed) == find()
    assert all(name.isidentifier() and name == name.lower() for name in listed)
