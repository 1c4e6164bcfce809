"""Costs of nets of the zoo, for the page that compares them."""

from functools import cache

from convatlas import models
from convatlas.analysis import CostReport, cost, without_weights
from convatlas.facts.accuracies import published
from convatlas.reports import NetCost


@cache
def report_of(variant: str) -> CostReport:
    """Of the variant as its paper has it."""
    with without_weights():
        net = models.build(variant).eval()
    spec = models.spec_of(variant)
    return cost(net, (spec.in_channels, spec.input_side, spec.input_side))


def compared(*variants: str) -> list[NetCost]:
    """The nets with what was published of them."""
    return [NetCost(name=v, report=report_of(v), published=published(v)) for v in variants]
