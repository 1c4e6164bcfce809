"""Parts of searched cells by hand."""

import torch
from torch import nn

from convatlas.layers import Cell, CellDetails, CellPlan, FactorisedReduction, Maps, ReluSeparable


def test_factorised_reduction_reads_every_second_pixel_and_those_beside():
    block = FactorisedReduction(1, 2, eps=0.0).eval()
    nn.init.ones_(block.unshifted.weight)
    nn.init.ones_(block.shifted.weight)
    for side in (5, 6):
        x = torch.arange(float(side**2)).reshape(1, 1, side, side) - 3
        with torch.no_grad():
            here, shifted = block(x)[0]
        rectified = x[0, 0].clamp(min=0)
        assert torch.equal(here, rectified[::2, ::2])
        beyond = nn.functional.pad(rectified, (0, 1, 0, 1))[1::2, 1::2]
        assert torch.equal(shifted, beyond)


def test_relu_comes_first_and_norm_last():
    torch.manual_seed(0)
    block = ReluSeparable(3, 4, 5, side=6, stride=2, eps=1e-3).eval()
    block.norm.running_mean.uniform_()
    x = torch.randn(2, 3, 6, 6)
    with torch.no_grad():
        padded = nn.functional.pad(x.clamp(min=0), (1, 2, 1, 2))
        f = nn.functional.conv2d(padded, block.conv.depthwise.weight, stride=2, groups=3)
        f = nn.functional.conv2d(f, block.conv.pointwise.weight)
        expected = (f - block.norm.running_mean[:, None, None]) / (1 + 1e-3) ** 0.5
        assert torch.allclose(block(x), expected, atol=1e-6)


def test_states_are_numbered_in_the_order_of_the_pairs():
    """With one channel, states add up: 2 = h + h', 3 = 2 + h, joined in the order given."""
    plan = CellPlan(
        pairs=((("identity", 0), ("identity", 1)), (("identity", 2), ("identity", 0))),
        joined=(3, 1),
        stride=1,
    )
    cell = Cell(plan, Maps(1, 4), Maps(1, 4), filters=1, details=CellDetails(eps=0.0)).eval()
    nn.init.ones_(cell.current.conv.conv.weight)
    h, before = torch.rand(1, 1, 4, 4), torch.rand(1, 1, 4, 4)
    assert isinstance(cell.previous, nn.Identity)
    with torch.no_grad():
        assert torch.allclose(cell(h, before), torch.cat([2 * h + before, before], 1))
    assert cell.out == Maps(2, 4)


def test_edges_of_averages():
    """Ones, averaged at stride 2 over an even side: windows reach beyond it below and right."""
    plan = CellPlan(pairs=((("avg 3x3", 0), ("max 3x3", 1)),), joined=(2,), stride=2)
    ones, zeros = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    for zero_edges, expected in (
        (False, [[1, 1], [1, 1]]),
        (True, [[1, 6 / 9], [6 / 9, 4 / 9]]),
    ):
        details = CellDetails(eps=0.0, zero_edges=zero_edges)
        cell = Cell(plan, Maps(1, 4), Maps(1, 4), filters=1, details=details).eval()
        nn.init.ones_(cell.current.conv.conv.weight)
        with torch.no_grad():
            assert torch.allclose(cell(ones, zeros)[0, 0], torch.tensor(expected).float())


def test_a_maximum_never_comes_from_beyond_the_edge():
    plan = CellPlan(pairs=((("max 3x3", 1), ("max 3x3", 1)),), joined=(2,), stride=2)
    for side in (4, 5):
        cell = Cell(plan, Maps(1, side), Maps(1, side), filters=1, details=CellDetails())
        with torch.no_grad():
            out = cell(torch.zeros(1, 1, side, side), -torch.ones(1, 1, side, side))
        assert torch.equal(out, -2 * torch.ones(1, 1, -(-side // 2), -(-side // 2)))
