"""MobileNet v2's Table 3: channels / Kb of the largest tensor at each resolution, 16 bits each."""

import pytest
from torch import nn

from convatlas import models
from convatlas.analysis import trace, without_weights
from convatlas.analysis.resolution_table import ResolutionRow, resolution_table
from convatlas.facts import compare
from convatlas.layers import ConvNorm, SeparableConv

SIDES = (112, 56, 28, 14, 7, 1)


def table(name: str) -> dict[int, ResolutionRow]:
    with without_weights():
        net = models.build(name)
    return {row.height: row for row in resolution_table(net, (3, 224, 224))}


def kilobytes(size: int) -> float:
    return size / 1000


def test_mobilenet_v1_as_printed():
    """One figure differs: 1024 channels of 7x7 are 100 Kb, for which 199 is printed."""
    printed = ["64/1600", "128/800", "256/400", "512/200", "1024/199", "1024/2"]
    rows = table("mobilenet_v1")
    assert list(rows) == list(SIDES)
    verdicts = []
    for side, figure in zip(SIDES, printed, strict=True):
        channels, memory = figure.split("/")
        assert rows[side].kept_channels == int(channels)
        verdicts.append(compare(memory, kilobytes(rows[side].kept_bytes)))
    assert verdicts == ["rounds", "rounds", "rounds", "rounds", "differs", "rounds"]
    assert kilobytes(rows[7].kept_bytes) == 100.352
    assert compare("1600", kilobytes(max(row.kept_bytes for row in rows.values()))) == "rounds"


def test_mobilenet_v2_as_printed():
    """Between 56x56 and 14x14 the print has a sequence's output channels at its input's side.

    Table 2 reads 56x56x24 into 32 channels, 28x28x32 into 64 and 14x14x96 into 160, which exist
    only at half of these sides.
    """
    #        side  printed    channels  bytes    at the printed side: channels of the sequence
    printed = [
        (112, "16/400", 16, 401_408, 16),
        (56, "32/200", 24, 150_528, 32),
        (28, "64/100", 32, 50_176, 64),
        (14, "160/62", 96, 37_632, 160),
        (7, "320/32", 320, 31_360, 320),
        (1, "1280/2", 1280, 2_560, 1280),
    ]
    rows = table("mobilenet_v2")
    assert list(rows) == list(SIDES)
    verdicts = []
    for side, figure, channels, size, reads_into in printed:
        assert (rows[side].kept_channels, rows[side].kept_bytes) == (channels, size)
        assert figure.split("/")[0] == str(reads_into)
        memory = figure.split("/")[1]
        verdicts.append(compare(memory, kilobytes(2 * reads_into * side**2)))
    # 320 channels of 7x7 are 31.36 Kb, for which 32 is printed
    assert verdicts == ["rounds", "rounds", "rounds", "truncates", "differs", "truncates"]
    assert compare("400", kilobytes(max(row.kept_bytes for row in rows.values()))) == "rounds"


def test_shufflenet_2x_as_printed():
    """The print says g = 3, and has the channels of g = 2 (200, 400, 800, doubled).

    At 112x112 only the stem exists, of 48 channels, which the pooling behind it reads channel by
    channel; 32 / 800 is printed, and left out of the printed maximum.
    """
    printed = ["48/300", "400/600", "800/310", "1600/156", "1600/3"]
    rows = table("shufflenet_v1_g2_x2_0")
    verdicts = []
    for side, figure in zip(SIDES[1:], printed, strict=True):
        channels, memory = figure.split("/")
        assert rows[side].kept_channels == int(channels)
        verdicts.append(compare(memory, kilobytes(rows[side].kept_bytes)))
    assert verdicts == ["rounds", "rounds", "rounds", "truncates", "rounds"]
    assert (rows[112].channels, rows[112].kept_channels, rows[112].kept_bytes) == (48, 0, 0)
    most = max(row.kept_bytes for row in rows.values())
    assert compare("600", kilobytes(most)) == "rounds"
    assert {side: row.kept_channels for side, row in table("shufflenet_v1_g3_x2_0").items()} == {
        112: 0,
        56: 48,
        28: 480,
        14: 960,
        7: 1920,
        1: 1920,
    }


@pytest.mark.parametrize(("middle", "kept"), [(96, 24), (8, 24)])
def test_what_lies_inside_a_block_is_left_out(middle, kept):
    inner = nn.Sequential(
        ConvNorm(16, middle, 1, activation=nn.ReLU6()), SeparableConv(middle, kept, 3)
    )
    (row,) = resolution_table(nn.Sequential(inner, nn.Conv2d(24, 2, 3, padding=1)), (16, 8, 8))
    assert row.channels == max(middle, kept)
    assert (row.kept_channels, row.kept_bytes) == (kept, 2 * 24 * 64)


def test_two_convolutions_are_no_block():
    """Without a depthwise one between them, as the paper has it, the first one's output is kept."""
    net = nn.Sequential(nn.Conv2d(4, 32, 1), nn.ReLU(), nn.Conv2d(32, 4, 1), nn.ReLU())
    (row,) = resolution_table(net, (4, 8, 8))
    assert (row.kept_layer, row.kept_channels) == ("0", 32)


def test_two_readers_keep_a_tensor_and_floats_may_be_wider():
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.expand, self.depthwise = nn.Conv2d(4, 32, 1), nn.Conv2d(32, 32, 3, 1, 1, groups=32)
            self.gate, self.project = nn.Sigmoid(), nn.Conv2d(32, 4, 1)

        def forward(self, x):
            x = self.depthwise(self.expand(x))
            return self.project(x * self.gate(x))

    graph = trace(Gated(), (4, 8, 8))
    (row,) = resolution_table(graph, (4, 8, 8), element_bytes=4)
    assert (row.kept_layer, row.kept_bytes) == ("expand", 4 * 32 * 64)
