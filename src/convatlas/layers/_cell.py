"""Cells that add pairs of operations, as architecture searches find them."""

from collections import OrderedDict
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.layers._conv import ConvNorm
from convatlas.layers._factorised import FactorisedReduction
from convatlas.layers._relu_separable import ReluSeparable
from convatlas.layers._survival import SampleDrop
from convatlas.layers._tf_same import tf_same

Operation = Literal["identity", "avg 3x3", "max 3x3", "sep 3x3", "sep 5x5", "sep 7x7"]
Step = tuple[Operation, int]  # an operation, and the state that it reads


class CellPlan(NamedTuple):
    """What a cell does with its states: 0 is the cell before it, 1 the one before that.

    The first pair's sum is state 2, the second's state 3, and so on.
    """

    pairs: tuple[tuple[Step, Step], ...]
    joined: tuple[int, ...]  # states that are concatenated
    stride: int  # of operations on states 0 and 1


class Maps(NamedTuple):
    """Shape of a state."""

    channels: int
    side: int


class CellDetails(NamedTuple):
    """What all cells of a net have in common."""

    eps: float = 1e-5  # of batch norm
    zero_edges: bool = False  # whether averages of stride 2 count the zeros beyond the edge


class Cell(nn.Module):
    """Pairs of operations on two cells' outputs, added; the sums are concatenated.

    A 1x1 (ReLU, convolution, batch norm) first gives each of the two `filters` channels; the cell
    before last is halved by a factorised reduction where its side is twice the last's.

    Args:
        previous: shape of the cell before last; None for a net's first cell, which reads what is
            before it a second time, as it is.
        survival: of every operation's output, image by image.
    """

    def __init__(
        self,
        plan: CellPlan,
        current: Maps,
        previous: Maps | None,
        *,
        filters: int,
        survival: float = 1.0,
        details: CellDetails,
    ) -> None:
        super().__init__()
        self.plan = plan
        inner, side = Maps(filters, current.side), -(-current.side // plan.stride)
        states = [inner, current if previous is None else inner]
        states += [Maps(filters, side)] * len(plan.pairs)
        self.current = _relu_conv(current.channels, filters, details)
        self.previous = _matched(previous, inner, details)
        self.left, self.right = (
            nn.ModuleList(
                _operation(
                    operation,
                    states[state],
                    filters,
                    stride=plan.stride if state < 2 else 1,
                    survival=survival,
                    details=details,
                )
                for operation, state in column
            )
            for column in zip(*plan.pairs, strict=True)
        )
        as_it_is = 1 in plan.joined and states[1] != inner
        self.kept = (
            ConvNorm(current.channels, filters, 1, eps=details.eps) if as_it_is else nn.Identity()
        )
        self.out = Maps(filters * len(plan.joined), side)

    def forward(
        self, current: Float[Tensor, "n c h w"], previous: Float[Tensor, "n c2 h2 w2"]
    ) -> Float[Tensor, "n c3 h3 w3"]:
        """The joined states."""
        states = [self.current(current), self.previous(previous)]
        pairs = zip(self.left, self.right, self.plan.pairs, strict=True)
        for left, right, ((_, a), (_, b)) in pairs:
            states.append(left(states[a]) + right(states[b]))
        states[1] = self.kept(states[1])
        return torch.cat([states[i] for i in self.plan.joined], dim=1)


def _relu_conv(in_channels: int, out_channels: int, details: CellDetails) -> nn.Module:
    """ReLU, 1x1, batch norm."""
    conv = ConvNorm(in_channels, out_channels, 1, eps=details.eps)
    return nn.Sequential(OrderedDict(relu=nn.ReLU(), conv=conv))


def _matched(previous: Maps | None, wanted: Maps, details: CellDetails) -> nn.Module:
    """The cell before last with the channels and the side of the last."""
    if previous is None or previous == wanted:
        return nn.Identity()
    if previous.side != wanted.side:
        return FactorisedReduction(previous.channels, wanted.channels, eps=details.eps)
    return _relu_conv(previous.channels, wanted.channels, details)


def _operation(
    operation: Operation,
    maps: Maps,
    filters: int,
    *,
    stride: int,
    survival: float,
    details: CellDetails,
) -> nn.Module:
    """An operation; with a 1x1 where `maps` have other channels than `filters`."""
    fits = maps.channels == filters
    if operation == "identity":
        return nn.Identity() if fits else _relu_conv(maps.channels, filters, details)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if operation.startswith("sep"):  # a separable convolution is applied twice
        size, eps = int(operation[-1]), details.eps
        layers["first"] = ReluSeparable(
            maps.channels, filters, size, side=maps.side, stride=stride, eps=eps
        )
        layers["second"] = ReluSeparable(
            filters, filters, size, side=-(-maps.side // stride), eps=eps
        )
    else:
        layers["pool"] = _pool(operation, maps.side, stride, zero_edges=details.zero_edges)
        if not fits:
            layers["match"] = ConvNorm(maps.channels, filters, 1, eps=details.eps)
    if survival != 1:
        layers["drop"] = SampleDrop(survival)
    return nn.Sequential(layers)


def _pool(operation: Operation, side: int, stride: int, *, zero_edges: bool) -> nn.Module:
    """Ceil mode lets the last window reach a pixel beyond an even side."""
    if operation == "avg 3x3" and stride == 2 and zero_edges:
        pad, padding = tf_same(side, 3, stride)
        return nn.Sequential(pad, nn.AvgPool2d(3, stride, padding))
    padding = 1 if stride == 1 else side % 2
    if operation == "max 3x3":
        return nn.MaxPool2d(3, stride, padding, ceil_mode=True)
    return nn.AvgPool2d(3, stride, padding, ceil_mode=True, count_include_pad=False)
