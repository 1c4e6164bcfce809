"""Layers put together by name, and heads between stages."""

import torch
from torch import nn

from convatlas.layers import in_turn, join, through_heads


def test_names_and_order():
    x = torch.randn(1, 2, 3, 3)
    double, negative = Times(2.0), Times(-1.0)
    chain = in_turn(a=double, b=negative)
    assert [name for name, _ in chain.named_children()] == ["a", "b"]
    assert torch.equal(chain(x), -2 * x)
    branches = join(a=double, b=negative)
    assert torch.equal(branches(x), torch.cat([2 * x, -x], dim=1))


def test_a_head_reads_what_its_stage_gives():
    x = torch.randn(2, 3, 4, 4)
    stages = in_turn(one=Times(2.0), two=Times(3.0), three=Times(5.0))
    heads = nn.ModuleDict({"two": nn.Flatten(), "one": nn.Flatten()})
    last, logits = through_heads(stages, heads, x)
    assert torch.allclose(last, 30 * x)
    assert [torch.allclose(y, c * x.flatten(1)) for y, c in zip(logits, (2, 6), strict=True)] == [
        True,
        True,
    ]


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x
