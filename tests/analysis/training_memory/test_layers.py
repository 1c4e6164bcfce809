"""Every kind of layer in a small net: what is saved, and the peak, against a real step."""

import pytest
import torch
from torch import nn

from convatlas import layers
from convatlas.analysis.training_memory import Conditions, training_memory
from convatlas.analysis.training_memory._rules import ROWS
from tests.analysis.training_memory.measure import instrument

CHANNELS, SIDE, BATCH = 32, 16, 16  # torch computes 16 images the same on any number of threads
SLACK = 200  # bytes: scalars of the loss
SCRATCH = 80_000  # bytes: scratch of oneDNN kernels; a map has 524,288
ABOVE = ("SubSample",)  # goes in several steps; its own tensors are taken to stay until the last


class Split(nn.Module):
    def forward(self, x):
        first, second = x.chunk(2, dim=1)
        return torch.cat([second, first.tanh()], dim=1)


class Halves(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS // 2, CHANNELS // 2, 3, padding=1)

    def forward(self, x):
        first, second = x.chunk(2, dim=1)
        return torch.cat([self.conv(first), second], dim=1)


class Shortcut(nn.Module):
    def __init__(self, sign):
        super().__init__()
        self.conv, self.sign = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), sign

    def forward(self, x):
        return self.conv(x) - x if self.sign < 0 else self.conv(x) + x


class Gated(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class Shuffled(nn.Module):
    def __init__(self):
        super().__init__()
        self.join, self.conv = layers.JoinShuffle(), nn.Conv2d(CHANNELS // 2, CHANNELS // 2, 1)

    def forward(self, x):
        first, second = x.chunk(2, dim=1)
        return self.join(first, self.conv(second))


class Functional(nn.Module):
    """Means and constants, none of them a module."""

    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True) * 0.5


class Distances(nn.Module):
    def __init__(self):
        super().__init__()
        self.flat = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.centres = layers.RadialBasis(torch.zeros(7, CHANNELS))

    def forward(self, x):
        return self.centres(self.flat(x))


def conv(**settings):
    return nn.Conv2d(CHANNELS, settings.pop("out", CHANNELS), **settings)


TABLE = tuple((0, 1, 2, 3) for _ in range(CHANNELS))
KINDS = {
    "Conv2d": lambda: conv(kernel_size=3, padding=1),
    "Conv2d 1x1": lambda: conv(kernel_size=1, out=40),
    "Conv2d strided": lambda: conv(kernel_size=3, stride=2, padding=1),
    "Conv2d grouped": lambda: conv(kernel_size=3, groups=2, padding=1),
    "Conv2d depthwise": lambda: conv(kernel_size=3, groups=CHANNELS),
    "Conv2d odd channels": lambda: conv(kernel_size=3, out=21),
    "SparseConv2d": lambda: layers.SparseConv2d(CHANNELS, TABLE, 3),
    "LearnedGroupConv": lambda: layers.LearnedGroupConv(CHANNELS, 32, groups=4, condensation=4),
    "BatchNorm2d": lambda: nn.BatchNorm2d(CHANNELS),
    "norm and ReLU in place": lambda: nn.Sequential(nn.BatchNorm2d(CHANNELS), nn.ReLU(True)),
    "LocalResponseNorm": lambda: nn.LocalResponseNorm(5),
    "ReLU": nn.ReLU,
    "ReLU6": nn.ReLU6,
    "ReLU6 in place": lambda: nn.Sequential(nn.BatchNorm2d(CHANNELS), nn.ReLU6(True)),
    "LeakyReLU": nn.LeakyReLU,
    "LeakyReLU in place": lambda: nn.Sequential(nn.BatchNorm2d(CHANNELS), nn.LeakyReLU(0.1, True)),
    "ELU": nn.ELU,
    "SiLU": nn.SiLU,
    "SiLU in place": lambda: nn.Sequential(nn.BatchNorm2d(CHANNELS), nn.SiLU(True)),
    "Tanh": nn.Tanh,
    "Sigmoid": nn.Sigmoid,
    "Softmax": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(dim=1)),
    "ScaledTanh": layers.ScaledTanh,
    "MaxPool2d": lambda: nn.MaxPool2d(2),
    "AvgPool2d": lambda: nn.AvgPool2d(2),
    "AdaptiveAvgPool2d": lambda: nn.AdaptiveAvgPool2d(3),
    "AdaptiveAvgPool2d to 1": lambda: nn.AdaptiveAvgPool2d(1),
    "SubSample": lambda: layers.SubSample(CHANNELS),
    "Dropout": nn.Dropout,
    "Dropout of nothing": lambda: nn.Dropout(0.0),
    "SampleDrop": lambda: layers.SampleDrop(0.5),
    "Survival": lambda: layers.Survival(0.5),
    "Scale": lambda: layers.Scale(0.5),
    "ZeroPad2d": lambda: nn.ZeroPad2d((1, 2, 1, 2)),
    "SelectChannels": lambda: layers.SelectChannels([0, 0, 3, 5], in_channels=CHANNELS),
    "ChannelShuffle": lambda: layers.ChannelShuffle(4),
    "JoinShuffle": Shuffled,
    "ZeroPadShortcut": lambda: layers.ZeroPadShortcut(CHANNELS, 24, 2),
    "RadialBasis": Distances,
    "Identity": nn.Identity,
    "chunk, getitem, cat": Split,
    "half of the channels": Halves,
    "add": lambda: Shortcut(1),
    "sub": lambda: Shortcut(-1),
    "mul": Gated,
    "mul by gates": lambda: layers.SqueezeExcite(CHANNELS, 4),
    "functions": Functional,
}


def net_with(layer):
    body = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, padding=1), layer)
    with torch.no_grad():
        features = body(torch.zeros(2, 3, SIDE, SIDE))
    if features.ndim == 2:
        return (
            body if features.shape[1] < 10 else nn.Sequential(body, nn.Linear(features.shape[1], 5))
        )
    head = nn.Conv2d(features.shape[1], 8, 1)
    return nn.Sequential(body, head, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))


@pytest.mark.parametrize("kind", KINDS)
def test_saved_bytes_and_peak(kind):
    net, shape = net_with(KINDS[kind]()), (3, SIDE, SIDE)
    for channels_last in (True, False):
        conditions = Conditions(channels_last=channels_last)
        asked = {"batch": BATCH, "conditions": conditions}
        predicted = training_memory(net, shape, optimizer="momentum", **asked)
        saved = instrument.saved_bytes(net, shape, **asked)
        assert predicted.unknown == ()
        assert predicted.saved_bytes == pytest.approx(saved, abs=SLACK)
        peak = instrument.measured_peak(net, shape, optimizer="momentum", **asked)
        if kind in ABOVE:
            assert peak < predicted.peak_bytes < 1.25 * peak
        else:
            assert predicted.peak_bytes == pytest.approx(peak, abs=SCRATCH)


def test_every_row_is_tried():
    """Rows of functions are names that torch gives; the layers' must all be above."""
    tried = " ".join(KINDS) + " Flatten flatten Linear"
    modules = [kind for kind in ROWS if kind[0].isupper()]
    assert [kind for kind in modules if kind not in tried] == []
