"""Gholami et al. 2018: blocks of Fig. 1, sizes of Tables 1 and 2, layers of the authors' files."""

import pytest
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.models.squeezenext import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

SIDES = [55, 28, 14, 7, 7]
# blocks per stage, params and mult-adds as counted from the authors' files (23, G-23, v5) or from
# the blocks that the names stand for
NETS = {
    "squeezenext23": ((6, 6, 8, 1), 717_280, 278.0),
    "squeezenext23_grouped": ((6, 6, 8, 1), 543_072, 224.2),
    "squeezenext23_w200": ((6, 6, 8, 1), 2_361_728, 742.1),
    "squeezenext34": ((9, 9, 12, 2), 1_052_560, 356.7),
    "squeezenext44": ((12, 12, 16, 2), 1_238_976, 428.2),
    "squeezenext23v5": ((2, 4, 14, 1), 930_016, 224.9),
    "squeezenext23v5_w200": ((2, 4, 14, 1), 3_222_912, 702.6),
}


@pytest.mark.parametrize("name", NETS)
def test_authors_files(name: str):
    depths, total, millions = NETS[name]
    net, rows = on_meta(name), stage_rows(name)
    width = models.spec_of(name).width_multiplier
    sides = SIDES if models.spec_of(name).stem_kernel_size == 7 else [56, *SIDES[1:]]
    assert [row[1] for row in rows] == sides
    assert [row[2] for row in rows[:-1]] == [round(c * width) for c in (32, 64, 128, 256)]
    assert rows[-1][2] == 128
    assert tuple(len(stage) for stage in list(net.stages)[:-1]) == depths
    assert params(net) == total
    assert round(mult_adds(name) / 1e6, 1) == millions


def test_params_per_stage_of_23():
    """Fig. 1 in numbers: every convolution with the two parameters per channel of its norm."""

    def block(i: int, o: int) -> int:
        convolutions = i * o // 2 + o * o // 8 + 3 * o * o // 8 + 3 * o * o // 4 + o * o // 2
        projection = i * o + 2 * o if i != o else 0
        return convolutions + 2 * (o // 2 + o // 4 + o // 2 + o // 2 + o) + projection

    expected, channels = [], 64
    for depth, width in zip((6, 6, 8, 1), (32, 64, 128, 256), strict=True):
        expected.append(block(channels, width) + (depth - 1) * block(width, width))
        channels = width
    assert [row[3] for row in stage_rows("squeezenext23")] == [*expected, 256 * 128 + 2 * 128]


def test_order_of_tall_and_wide_alternates():
    blocks = [b for s in list(on_meta("squeezenext23").stages)[:-1] for b in s]
    kernels = [b.layers.spatial1.conv.kernel_size for b in blocks]
    assert kernels == [(3, 1), (1, 3)] * 10 + [(3, 1)]
    for block in blocks:
        assert (
            block.layers.spatial2.conv.kernel_size == block.layers.spatial1.conv.kernel_size[::-1]
        )


def test_what_the_first_block_of_a_stage_reads():
    """23: the branch reads what came in, with a stride of its own; v2 to v5: the projected maps."""
    for name, reads, strides in (("squeezenext23", 32, (2, 2)), ("squeezenext23v5", 64, (1, 1))):
        block = on_meta(name).stages.stage2[0]
        assert (block.layers.squeeze1.conv.in_channels, block.layers.squeeze1.conv.stride) == (
            reads,
            strides,
        )
        assert block.shortcut.conv.stride == (2, 2)
    assert on_meta("squeezenext23").stages.stage1[1].shortcut is None


def test_every_convolution_is_rectified_and_the_classifier_has_no_bias():
    net = on_meta("squeezenext23")
    convolutions = sum(isinstance(m, nn.Conv2d) for m in net.modules())
    blocks = 21
    assert sum(isinstance(m, nn.ReLU) for m in net.modules()) == convolutions + blocks
    assert net.classifier.bias is None


@pytest.mark.parametrize(
    "fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.quantity}={f.printed}"
)
def test_printed_figure(fact):
    differs = compare(fact.printed, params(on_meta(fact.variant))) == "differs"
    assert differs == bool(fact.because)


def test_what_cannot_be_built():
    with pytest.raises(UserError, match=r"groups=3 does not divide 64 channels"):
        models.build("squeezenext23", groups=3)
