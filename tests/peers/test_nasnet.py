"""NASNets against timm and pytorchcv, and against the rules of the authors' code, written out."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.models import build
from tests.peers.peer import WEIGHTED, assert_same_logits, peer, relative_difference, transplant


@pytest.mark.slow
@pytest.mark.parametrize("side", [97, 64])
def test_timm_counts_zeros_beyond_the_edge(side):
    assert_same_logits("nasnet_a_6_4032_zero_edges", "timm", side)


@pytest.mark.parametrize(
    ("variant", "side", "theirs"),
    [
        # sides of the cells are odd and even as at 224: 111, 56, 28, 14, 7
        ("nasnet_a_4_1056", 32, {"extra_padding": True, "skip_reduction_layer_input": False}),
        # and as at 331: 165, 83, 42, 21, 11
        ("nasnet_a_6_4032", 43, {"extra_padding": False, "skip_reduction_layer_input": True}),
    ],
)
def test_pytorchcv(variant, side, theirs):
    torch.manual_seed(0)
    ours = build(variant, cells=2, filters=16, input_side=side, aux=False)
    net = peer("pytorchcv.models.nasnet").get_nasnet(
        repeat=2,
        penultimate_filters=24 * 16,
        init_block_channels=ours.stem.conv.out_channels,
        final_pool_size=-(-side // 32),
        in_size=(side, side),
        **theirs,
    )
    images = torch.randn(2, 3, side, side)
    transplant(ours, net, images)
    with torch.no_grad():
        assert relative_difference(ours.eval()(images), net.eval()(images)) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "theirs", "side"),
    [("nasnet_a_4_1056", "nasnet_4a1056", 224), ("nasnet_a_6_4032", "nasnet_6a4032", 331)],
)
def test_pytorchcv_in_full(variant, theirs, side):
    torch.manual_seed(0)
    ours, net = build(variant), peer("pytorchcv.model_provider").get_model(theirs)
    images = torch.randn(1, 3, side, side)
    transplant(ours, net, images)
    with torch.no_grad():
        assert relative_difference(ours.eval()(images), net.eval()(images)) <= 1e-4


@pytest.mark.parametrize(
    ("variant", "side", "skips"),
    [
        ("nasnet_a_6_768_cifar", 32, False),
        ("nasnet_a_6_768_cifar", 21, False),
        ("nasnet_a_4_1056", 50, False),
        ("nasnet_a_6_4032", 41, True),
    ],
)
def test_the_authors_rules(variant, side, skips):
    torch.manual_seed(0)
    net = build(variant, input_side=side, cells=2, filters=16, aux=False).eval()
    images = torch.randn(2, 3, side, side)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor, least in ((layer.weight, 0.5), (layer.running_var, 0.5)):
                tensor.data.uniform_(least, least + 1)
            for tensor in (layer.bias, layer.running_mean):
                tensor.data.uniform_(-0.5, 0.5)
    layers: list[nn.Module] = []
    for layer in net.modules():
        if isinstance(layer, WEIGHTED):
            layer.register_forward_hook(lambda layer, *_: layers.append(layer))
    with torch.no_grad():
        logits = net(images)
        rules = Rules(iter(layers), 1e-5 if "cifar" in variant else 1e-3)
        expected = rules.net(images, imagenet="cifar" not in variant, skips=skips)
    assert next(rules.layers, None) is None
    assert relative_difference(expected, logits) <= 1e-4


def test_edges_make_two_nets():
    changes = {"input_side": 43, "cells": 2, "filters": 16, "aux": False}
    nets = []
    for variant in ("nasnet_a_6_4032", "nasnet_a_6_4032_zero_edges"):
        torch.manual_seed(0)
        nets.append(build(variant, **changes).eval())
    images = torch.randn(1, 3, 43, 43)
    with torch.no_grad():
        assert relative_difference(nets[0](images), nets[1](images)) > 1e-2


class Rules:
    """What nasnet.py and nasnet_utils.py of TF-slim do, for sides known at run time only.

    Weights are taken from layers in the order in which a net ran them; each must have the shape
    that the rules ask for.
    """

    def __init__(self, layers: Iterator[nn.Module], eps: float) -> None:
        self.layers, self.eps = layers, eps

    def net(self, x: Tensor, *, imagenet: bool, skips: bool) -> Tensor:
        if imagenet:
            x = self.norm(self.conv(x, None, 3, stride=2, padded=False))
        else:
            x = self.norm(self.conv(x, None, 3))
        outputs = [None, x]
        if imagenet:
            for filters in (4, 8):
                outputs.append(self.cell(outputs[-1], outputs[-2], filters, reduces=True))
        for number in range(6):
            filters = 16 * 2 ** (number // 2)
            before = outputs[-2]
            if number in (2, 4):
                outputs.append(self.cell(outputs[-1], outputs[-2], filters, reduces=True))
            previous = before if skips else outputs[-2]
            outputs.append(self.cell(outputs[-1], previous, filters, reduces=False))
        linear = next(self.layers)
        return F.linear(outputs[-1].relu().mean((2, 3)), linear.weight, linear.bias)

    def cell(self, x: Tensor, previous: Tensor | None, filters: int, *, reduces: bool) -> Tensor:
        h = [self.norm(self.conv(x.relu(), filters)), x]
        if previous is not None:
            h[1] = self.matched(previous, x, filters)
        if reduces:
            h.append(self.sep(h[0], filters, 5, 2) + self.sep(h[1], filters, 7, 2))
            h.append(self.pool(h[0], 2, "max") + self.sep(h[1], filters, 7, 2))
            h.append(self.pool(h[0], 2, "avg") + self.sep(h[1], filters, 5, 2))
            h.append(h[3] + self.pool(h[2], 1, "avg"))
            h.append(self.sep(h[2], filters, 3, 1) + self.pool(h[0], 2, "max"))
            return torch.cat(h[3:], 1)
        h.append(self.sep(h[0], filters, 5, 1) + self.sep(h[1], filters, 3, 1))
        h.append(self.sep(h[1], filters, 5, 1) + self.sep(h[1], filters, 3, 1))
        h.append(self.pool(h[0], 1, "avg") + self.same(h[1], filters))
        h.append(self.averaged(h[1], filters) + self.averaged(h[1], filters))
        h.append(self.sep(h[0], filters, 3, 1) + h[0])
        if h[1].shape[1] != filters:  # joined without ReLU
            h[1] = self.norm(self.conv(h[1], filters))
        return torch.cat(h[1:], 1)

    def matched(self, previous: Tensor, x: Tensor, filters: int) -> Tensor:
        if previous.shape[2] == x.shape[2]:
            return self.same(previous, filters)
        previous = previous.relu()
        here = self.conv(previous[:, :, ::2, ::2], filters // 2)
        shifted = F.pad(previous, (0, 1, 0, 1))[:, :, 1::2, 1::2]
        return self.norm(torch.cat([here, self.conv(shifted, filters // 2)], 1))

    def same(self, x: Tensor, filters: int) -> Tensor:
        return x if x.shape[1] == filters else self.norm(self.conv(x.relu(), filters))

    def averaged(self, x: Tensor, filters: int) -> Tensor:
        y = self.pool(x, 1, "avg")
        return y if y.shape[1] == filters else self.norm(self.conv(y, filters))

    def sep(self, x: Tensor, filters: int, kernel: int, stride: int) -> Tensor:
        for s in (stride, 1):
            x = self.conv(x.relu(), x.shape[1], kernel, stride=s, groups=x.shape[1])
            x = self.norm(self.conv(x, filters))
        return x

    def conv(
        self,
        x: Tensor,
        filters: int | None,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        padded: bool = True,
    ) -> Tensor:
        weight = next(self.layers).weight
        assert weight.shape[1:] == (x.shape[1] // groups, kernel, kernel)
        assert filters in (None, weight.shape[0])
        x = _padded(x, kernel, stride) if padded else x
        return F.conv2d(x, weight, stride=stride, groups=groups)

    def norm(self, x: Tensor) -> Tensor:
        n = next(self.layers)
        return F.batch_norm(x, n.running_mean, n.running_var, n.weight, n.bias, eps=self.eps)

    def pool(self, x: Tensor, stride: int, kind: str) -> Tensor:
        if kind == "max":
            return F.max_pool2d(_padded(x, 3, stride, -torch.inf), 3, stride)
        inside = F.avg_pool2d(_padded(torch.ones_like(x), 3, stride), 3, stride)
        return F.avg_pool2d(_padded(x, 3, stride), 3, stride) / inside


def _padded(x: Tensor, kernel: int, stride: int, value: float = 0.0) -> Tensor:
    """TensorFlow's "same"."""
    side = x.shape[2]
    missing = max(0, (-(-side // stride) - 1) * stride + kernel - side)
    ends = (missing // 2, missing - missing // 2)
    return F.pad(x, (*ends, *ends), value=value)
