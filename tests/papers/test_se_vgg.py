"""Hu et al. 2018: VGG-16 with batch norm and gates (Sec. 3.3 and 5.1, Table 2)."""

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import SqueezeExcite
from convatlas.models.se_vgg import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)


def test_table():
    assert stage_rows("se_vgg16") == [
        ("conv1", 112, 64, 40_136),
        ("conv2", 56, 128, 226_320),
        ("conv3", 28, 256, 1_502_256),
        ("conv4", 14, 512, 6_002_784),
        ("conv5", 7, 512, 7_182_432),
    ]
    net = on_meta("se_vgg16")
    assert params(net) == 14_953_928 + 123_642_856  # stages, fully connected layers
    gates = [m for m in net.modules() if isinstance(m, SqueezeExcite)]
    assert [gate.expand.out_channels for gate in gates] == list(WIDTHS)
    assert [gate.reduce.out_channels for gate in gates] == [c // 16 for c in WIDTHS]
    of_gates = sum(2 * c * c // 16 + c // 16 + c for c in WIDTHS)
    assert params(net) - params(on_meta("vgg_d_bn")) == of_gates
    assert mult_adds("se_vgg16") == 15_470_264_320 + sum(2 * c * c // 16 for c in WIDTHS)


def test_gates_follow_every_relu_before_the_pool():
    stage = on_meta("se_vgg16").stages.conv3
    assert [name for name, _ in stage.named_children()] == [
        *("conv1", "norm1", "relu1", "gates1"),
        *("conv2", "norm2", "relu2", "gates2"),
        *("conv3", "norm3", "relu3", "gates3"),
        "pool",
    ]


def test_table_2_counts_the_gated_maps():
    (fact,) = FAMILY.facts
    assert fact.verdict(mult_adds("se_vgg16")) == "differs"
    maps = []
    net = on_meta("se_vgg16")
    for module in net.modules():
        if isinstance(module, SqueezeExcite):
            module.register_forward_hook(lambda _, __, out: maps.append(out.numel()))
    net(torch.empty(1, 3, 224, 224, device="meta"))
    assert len(maps) == 13
    assert compare(fact.printed, mult_adds("se_vgg16") + sum(maps)) == "rounds"


@pytest.mark.parametrize("reduction", [0, 65, 2.0])
def test_what_cannot_be_built(reduction):
    with pytest.raises(UserError, match=f"se_reduction={reduction!r} cannot reduce 64 channels"):
        on_meta("se_vgg16", se_reduction=reduction)


def test_the_classifier_has_none():
    assert all(
        isinstance(m, nn.Linear | nn.ReLU | nn.Dropout) for m in on_meta("se_vgg16").classifier
    )
