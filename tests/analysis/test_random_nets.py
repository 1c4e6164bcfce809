"""Nets drawn at random: shapes and counts agree with running them."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convatlas.analysis import cost, trace, without_weights
from convatlas.errors import UserError
from tests.analysis.nets import counted_by_torch, observed_shapes


@st.composite
def layers(draw, channels: int) -> nn.Module:
    kind = draw(st.sampled_from(["conv", "max", "avg", "norm", "relu"]))
    if kind == "norm":
        return nn.BatchNorm2d(channels)
    if kind == "relu":
        return nn.ReLU()
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride = draw(st.integers(1, 3))
    if kind == "conv":
        groups = draw(st.sampled_from([g for g in (1, 2, 4) if channels % g == 0]))
        return nn.Conv2d(
            channels,
            groups * draw(st.integers(1, 4)),
            kernel,
            stride=stride,
            padding=draw(st.integers(0, 3)),
            dilation=draw(st.integers(1, 3)),
            groups=groups,
            bias=draw(st.booleans()),
        )
    padding = draw(st.integers(0, min(kernel) // 2))
    ceil = draw(st.booleans())
    if kind == "max":
        dilation = draw(st.integers(1, 2))
        return nn.MaxPool2d(kernel, stride, padding, dilation=dilation, ceil_mode=ceil)
    return nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil)


@st.composite
def nets(draw) -> nn.Sequential:
    channels = draw(st.sampled_from([1, 3, 4]))
    drawn: list[nn.Module] = [nn.Conv2d(channels, channels, 1)]
    for _ in range(draw(st.integers(1, 5))):
        layer = draw(layers(channels))
        channels = getattr(layer, "out_channels", channels)
        drawn.append(layer)
    return nn.Sequential(*drawn)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), height=st.integers(1, 40), width=st.integers(1, 40))
def test_random_nets(data, height, width):
    with without_weights():
        net = data.draw(nets())
    net.eval()
    shape = (net[0].in_channels, height, width)
    try:
        report = cost(net, shape)
    except UserError:
        with torch.no_grad():
            try:
                net(torch.empty(1, *shape, device="meta"))
            except RuntimeError:
                return
        raise AssertionError("refused what torch runs") from None
    seen = observed_shapes(net, shape)
    for node in trace(net, shape).nodes[1:]:
        assert [node.shape] == seen[node.name]
    assert report.mult_adds == counted_by_torch(net, shape)
