"""Nets with a changed spec, and verdicts on figures that are sizes of 4-byte weights."""

import torch
from torch import nn

from convatlas.facts import Fact, Verdict
from convatlas.models import build
from tests.papers.running_sums import measured, on_meta, params


def changed(variant: str, **changes: object) -> nn.Module:
    """The net with other values in its spec, without memory for its weights; nobody shares it."""
    with torch.device("meta"):
        return build(variant, **changes).eval()


def verdict(fact: Fact) -> Verdict:
    if fact.quantity == "size_bytes":
        return fact.verdict(4 * params(on_meta(fact.variant)))
    return fact.verdict(measured(fact))
