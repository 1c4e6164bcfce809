"""Each finding on a small net built to have it, and none on the same net without the fault."""

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from convatlas.analysis import trace, without_weights
from convatlas.analysis.doctor import CHECKS, DEFAULT, Finding, Machine, examine
from convatlas.layers import ChannelShuffle, ConvNorm, SelectChannels, ZeroPadShortcut

Shape = tuple[int, int, int]


def conv(c_in: int, c_out: int, k: int = 1, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, k, stride, k // 2, groups=groups, bias=False)


def finding(net: nn.Module, shape: Shape, kind: str, machine: Machine = DEFAULT) -> Finding | None:
    found = {f.kind: f for f in examine(net, shape, machine=machine).findings}
    return found.get(kind)


class Steps(nn.Sequential):
    """Layers one after the other, named "0", "1", ..."""


class Halves(nn.Module):
    """A convolution that is split; the first `read` of four parts go on."""

    def __init__(self, read: int) -> None:
        super().__init__()
        self.read = read
        self.make = conv(8, 32)
        self.use = conv(8 * read, 16)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.make(x).chunk(4, dim=1)
        return self.use(torch.cat(parts[: self.read], dim=1))


class Unit(nn.Module):
    """`branches` of 1x1, 3x3 beside one another, joined."""

    def __init__(self, branches: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            Steps(conv(32, 16), conv(16, 32 // branches, 3)) for _ in range(branches)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Residual(nn.Module):
    """A narrow rectified branch beside a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = Steps(conv(64, 16), nn.ReLU(), conv(16, 64))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def test_equal_widths_reach_the_bound_and_unequal_ones_exceed_it():
    """1 : 16 moves (1 + 16) / (2 sqrt(16)) of what equal widths of as many mult-adds move."""
    wide = Steps(conv(3, 8), conv(8, 128), conv(128, 8))
    found = finding(wide, (3, 128, 128), "unequal widths")
    assert found is not None
    assert found.figure == pytest.approx(17 / 8, abs=0.01)  # weights add next to nothing
    assert [layer.name for layer in found.layers] == ["1", "2"]
    equal = Steps(conv(3, 32), conv(32, 32), conv(32, 32))
    assert finding(equal, (3, 128, 128), "unequal widths") is None


def test_unequal_widths_cost_time_only_where_memory_is_what_is_waited_for():
    net = Steps(conv(3, 8), conv(8, 128), conv(128, 8))
    slow = Machine(
        name="a slow memory",
        mult_adds_per_s=1e15,
        bandwidth=1e9,
        cache_bandwidth=1e9,
        overhead_s=0.0,
    )
    found = finding(net, (3, 128, 128), "unequal widths", slow)
    assert found is not None
    for layer in found.layers:  # all their time goes to access, and 1 / figure of it is needed
        assert layer.lost == pytest.approx(layer.share * (1 - 1 / layer.figure))
    fast = Machine(
        name="a slow processor",
        mult_adds_per_s=1e6,
        bandwidth=1e15,
        cache_bandwidth=1e15,
        overhead_s=0.0,
    )
    found = finding(net, (3, 128, 128), "unequal widths", fast)
    assert found is not None
    assert found.lost == 0


def test_groups_raise_the_least_access():
    """At equal mult-adds the ends are wider by sqrt(g)."""
    net = Steps(conv(3, 64), conv(64, 64, groups=4))
    found = finding(net, (3, 64, 64), "groups")
    assert found is not None
    assert found.figure == pytest.approx(2, abs=0.01)
    assert found.lost > 0
    assert finding(Steps(conv(3, 64), conv(64, 64)), (3, 64, 64), "groups") is None
    depthwise = Steps(conv(3, 64), conv(64, 64, 3, groups=64))
    assert finding(depthwise, (3, 64, 64), "groups") is None


def test_fragments_wait_for_one_another():
    net = nn.Sequential(OrderedDict(stem=conv(3, 32), unit=Unit(4)))
    diagnosis = examine(net, (3, 16, 16))
    found = next(f for f in diagnosis.findings if f.kind == "fragments")
    assert [layer.name for layer in found.layers] == ["unit"]
    assert found.figure == 4  # 8 operators, 2 on the longest path
    # nine operations run, three of them lie on the longest path: two convolutions and the joining
    assert found.lost == pytest.approx(6 * DEFAULT.overhead_s / diagnosis.seconds)
    net = nn.Sequential(OrderedDict(stem=conv(3, 32), unit=Unit(1)))
    assert finding(net, (3, 16, 16), "fragments") is None


def test_elementwise_operations_and_what_folding_saves():
    net = Steps(conv(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 8, 3), nn.ReLU())
    found = finding(net, (3, 64, 64), "element-wise operations")
    assert found is not None
    shares = {layer.name: (layer.share, layer.lost) for layer in found.layers}
    assert shares["batch norm"][0] == shares["batch norm"][1] > 0  # it folds
    assert shares["ReLU"][1] == 0
    assert found.figure == pytest.approx(sum(share for share, _ in shares.values()))
    apart = Steps(nn.BatchNorm2d(3), conv(3, 8, 3), conv(8, 8, 3))
    found = finding(apart, (3, 64, 64), "element-wise operations")
    assert found is None or found.lost == 0
    assert (
        finding(Steps(conv(3, 8, 3), conv(8, 8, 3)), (3, 64, 64), "element-wise operations") is None
    )


def test_representation_bottleneck():
    squeezed = Steps(conv(16, 32, 3), conv(32, 2), conv(2, 32, 3), conv(32, 32, 3))
    found = finding(squeezed, (16, 32, 32), "representation bottleneck")
    assert found is not None
    assert [(layer.name, layer.figure) for layer in found.layers] == [("1", 8.0)]
    gentle = Steps(conv(16, 32, 3), conv(32, 16), conv(16, 32, 3), conv(32, 32, 3))
    assert finding(gentle, (16, 32, 32), "representation bottleneck") is None
    beside = Steps(conv(16, 64, 3), Residual(), conv(64, 64, 3))  # the shortcut keeps everything
    assert finding(beside, (16, 32, 32), "representation bottleneck") is None
    short = Steps(conv(16, 32, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2))
    assert finding(short, (16, 32, 32), "representation bottleneck") is None


def test_pooling_before_widening():
    """Inception v3, Fig. 9 left: cheap, and everything passes a quarter of the elements."""
    first = Steps(conv(3, 32, 3), nn.MaxPool2d(2), conv(32, 64, 3), conv(64, 64, 3))
    found = finding(first, (3, 32, 32), "pooling before widening")
    assert found is not None
    assert [(layer.name, layer.figure) for layer in found.layers] == [("1", 4.0)]
    assert found.layers[0].remark == "32 channels, then 64"
    after = Steps(conv(3, 32, 3), conv(32, 64, 3), nn.MaxPool2d(2), conv(64, 64, 3))
    assert finding(after, (3, 32, 32), "pooling before widening") is None


def test_relu_in_a_narrow_layer():
    narrow = Steps(conv(3, 24), conv(24, 6), nn.BatchNorm2d(6), nn.ReLU(), conv(6, 24))
    found = finding(narrow, (3, 16, 16), "ReLU in a narrow layer")
    assert found is not None
    assert [(layer.name, layer.figure) for layer in found.layers] == [("3", 4.0)]
    assert found.layers[0].remark.startswith("6 channels: a curve put into as many")
    linear = Steps(conv(3, 24), conv(24, 6), nn.BatchNorm2d(6), conv(6, 24))
    assert finding(linear, (3, 16, 16), "ReLU in a narrow layer") is None
    assert finding(Residual(), (64, 16, 16), "ReLU in a narrow layer") is None


@pytest.mark.parametrize(("read", "unread"), [(1, 0.75), (3, 0.25)])
def test_channels_that_a_split_leaves_out(read, unread):
    found = finding(Halves(read), (8, 8, 8), "channels never read")
    assert found is not None
    (layer,) = found.layers
    assert (layer.name, layer.figure) == ("make", unread)
    assert layer.lost == pytest.approx(unread * layer.share)


def test_all_channels_read():
    assert finding(Halves(4), (8, 8, 8), "channels never read") is None


def test_channels_that_a_selection_and_a_group_leave_out():
    """Behind the shuffle, channels 0 and 2 are 0 and 1 of the first group, which reads half."""
    net = Steps(conv(3, 8), SelectChannels([0, 3], in_channels=8), conv(2, 4))
    found = finding(net, (3, 8, 8), "channels never read")
    assert found is not None
    assert [(layer.name, layer.figure) for layer in found.layers] == [("0", 0.75)]
    grouped = Steps(
        conv(4, 8), conv(8, 8, groups=2), ChannelShuffle(2), SelectChannels([0, 2], in_channels=8)
    )
    found = finding(grouped, (4, 8, 8), "channels never read")
    assert found is not None
    assert {layer.name: layer.figure for layer in found.layers} == {"0": 0.5, "1": 0.75, "2": 0.75}


def test_a_layer_that_nothing_reads():
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = conv(3, 8), conv(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            x = self.used(x)
            self.idle(x)
            return x

    found = finding(Idle(), (3, 8, 8), "channels never read")
    assert found is not None
    assert [(layer.name, layer.figure) for layer in found.layers] == [("idle", 1.0)]


def test_pixels_that_a_stride_throws_away():
    """A 1x1 of stride 2 after another one reads a quarter of what that computed."""
    net = Steps(conv(3, 8, 3), conv(8, 8), conv(8, 8, stride=2))
    found = finding(net, (3, 16, 16), "pixels never read")
    assert found is not None
    layers = {layer.name: layer for layer in found.layers}
    assert layers["1"].figure == 0.75
    assert layers["1"].remark == "8 rows and 8 columns of 16x16"
    assert layers["1"].lost == pytest.approx(0.75 * layers["1"].share)
    assert layers["0"].figure == 0.75  # the 1x1 after it needs the same pixels
    assert "images" not in layers  # the 3x3 around each of them sees all but the last
    skips = finding(net, (3, 16, 16), "stride skips the input")
    assert skips is not None
    assert [(layer.name, layer.figure) for layer in skips.layers] == [("2", 0.75)]
    whole = Steps(conv(3, 8, 3), conv(8, 8), conv(8, 8, 3, stride=2))
    assert finding(whole, (3, 16, 16), "pixels never read") is None
    assert finding(whole, (3, 16, 16), "stride skips the input") is None


def test_rows_that_no_window_reaches():
    """Windows of 4 and stride 4 leave 2 of 18 rows and 3 of 19 columns."""
    net = Steps(nn.Conv2d(3, 8, 4, 4), nn.ReLU())
    found = finding(net, (3, 18, 19), "pixels never read")
    assert found is not None
    assert [(layer.name, layer.remark) for layer in found.layers] == [
        ("images", "2 rows and 3 columns of 18x19")
    ]
    assert found.figure == pytest.approx(1 - (16 / 18) * (16 / 19))
    assert finding(net, (3, 20, 20), "pixels never read") is None


def test_the_shortcut_of_option_a_skips_three_quarters():
    class Shortcut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shortcut = ZeroPadShortcut(8, 16, 2)
            self.branch = conv(8, 16, 3, stride=2)

        def forward(self, x: Tensor) -> Tensor:
            return self.branch(x) + self.shortcut(x)

    found = finding(Shortcut(), (8, 16, 16), "stride skips the input")
    assert found is not None
    assert [(layer.name, layer.figure) for layer in found.layers] == [("shortcut", 0.75)]


@pytest.mark.parametrize("side", [4, 5])
@pytest.mark.parametrize("padding", [1, 2])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_dead_padding_is_what_a_convolution_of_ones_misses(side, padding, stride, dilation):
    """A window of ones sums a map of ones to the number of pixels that it sees."""
    layer = nn.Conv2d(1, 1, 3, stride, padding, dilation, bias=False)
    nn.init.ones_(layer.weight)
    with torch.no_grad():
        seen = layer(torch.ones(1, 1, side, side))
    dead = 1 - float(seen.mean()) / 9
    found = finding(layer, (1, side, side), "dead padding")
    figure = 0.0 if found is None else found.figure
    assert figure == pytest.approx(dead) if dead >= 0.15 else found is None


def test_dead_padding_of_a_padding_layer_counts_with_its_convolution():
    net = Steps(nn.ZeroPad2d((2, 0, 1, 1)), nn.Conv2d(4, 4, 3, bias=False))
    found = finding(net, (4, 6, 6), "dead padding")
    assert found is not None
    assert found.figure == pytest.approx(1 - (15 / 18) * (16 / 18))
    assert finding(Steps(nn.Conv2d(4, 4, 3)), (4, 6, 6), "dead padding") is None


def test_fully_connected_weights():
    heavy = Steps(conv(3, 8, 3), nn.Flatten(), nn.Linear(8 * 64, 10))
    found = finding(heavy, (3, 8, 8), "fully connected weights")
    assert found is not None
    assert found.figure == pytest.approx(5130 / (5130 + 216))
    light = Steps(conv(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    assert finding(light, (3, 8, 8), "fully connected weights") is None


def test_low_intensity():
    """A depthwise 3x3 computes 9 multiply-adds per element read and element written."""
    net = Steps(conv(3, 64, 3), conv(64, 64, 3, groups=64))
    found = finding(net, (3, 64, 64), "low arithmetic intensity")
    assert found is not None
    assert [layer.name for layer in found.layers] == ["1"]
    assert found.figure == pytest.approx(DEFAULT.balance / (9 / 8), rel=0.01)
    dense = Steps(conv(3, 64, 3), conv(64, 64, 3))
    assert finding(dense, (3, 64, 64), "low arithmetic intensity") is None


def test_predictions_follow_the_roofline():
    net = Steps(conv(64, 64), nn.ReLU(inplace=True), nn.Dropout(), nn.MaxPool2d(2))
    machine = Machine(
        name="round",
        mult_adds_per_s=1e9,
        bandwidth=1e8,
        cache_bandwidth=2e8,
        overhead_s=4e-4,
        efficiency=(("max pool", 0.5),),
    )
    times = {time.name: time for time in examine(net, (64, 10, 10), machine=machine).times}
    moved = 4 * (2 * 6400 + 4096) / 1e8
    assert times["0"].seconds == pytest.approx(max(409_600 / 1e9, moved) + 4e-4)
    assert times["1"].seconds == pytest.approx(4 * 2 * 6400 / 2e8 + 4e-4)  # in the cache
    assert times["2"].seconds == 0  # a view
    assert times["3"].compute_s == pytest.approx(6400 / 0.5e9)
    assert [times[name].bound for name in "0123"] == ["memory", "overhead", "nothing", "overhead"]


def test_a_graph_will_do_and_every_check_is_asked():
    net = ConvNorm(3, 8, 3)
    assert examine(trace(net, (3, 8, 8)), (3, 8, 8)) == examine(net, (3, 8, 8))
    assert len(CHECKS) == len(set(CHECKS)) == 13


def test_values_without_weights_are_not_needed():
    with without_weights():
        net = Steps(conv(3, 8), SelectChannels([0, 3], in_channels=8), conv(2, 4))
    assert finding(net, (3, 8, 8), "channels never read") is None  # which ones is not known
