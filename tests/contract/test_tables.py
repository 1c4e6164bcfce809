"""Figures from tables of other papers: every one is of a net of ours, and stands once."""

from collections import Counter
from decimal import Decimal

import pytest

from convatlas.analysis import check_facts
from convatlas.facts import table_facts
from convatlas.models import families, variants

ALL = [*(fact for family in families().values() for fact in family.facts), *table_facts()]


def test_every_figure_is_of_a_variant():
    assert {fact.variant for fact in table_facts()} <= set(variants())
    for fact in table_facts():
        assert Decimal(fact.printed) > 0
        assert fact.where


def test_no_figure_stands_twice():
    told = Counter(
        (f.variant, f.quantity, f.part, f.input_side, f.printed, f.paper.key, f.where) for f in ALL
    )
    assert [fact for fact, times in told.items() if times > 1] == []


def test_one_key_means_one_paper():
    papers = {fact.paper for fact in ALL} | {family.paper for family in families().values()}
    keys = Counter(paper.key for paper in papers)
    assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.slow
def test_a_cause_is_given_where_a_figure_differs_and_only_there():
    wrong = [
        (c.fact.variant, c.label, c.printed, c.verdict)
        for c in check_facts()
        if (c.verdict == "differs") != bool(c.fact.because)
    ]
    assert wrong == []
