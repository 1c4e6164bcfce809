"""Small nets with every form that a graph can take, and what running them says."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convatlas import models
from convatlas.analysis import without_weights
from convatlas.layers import ChannelShuffle, ConvNorm, ZeroPadShortcut

SMALL = [*models.find("*_small"), *models.find("*20_cifar")]
BIG = [
    "alexnet",
    "densenet121",
    "mobilenet_v2",
    "resnet18_a",
    "resnet50",
    "shufflenet_v2_x1_0",
    "squeezenet_1_0",
    "vgg_a_lrn",
]


class Branches(nn.Module):
    """Concatenation, splitting, shuffling, zero padding, addition, gating, repeated modules."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 12, 3, stride=2, activation=nn.ReLU(inplace=True))
        self.left = ConvNorm(12, 8, 1, activation=nn.ReLU6())
        self.right = nn.Conv2d(12, 10, 3, padding=2, dilation=2, groups=2)
        self.shuffle = ChannelShuffle(3)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.gate = nn.Sequential(nn.Conv2d(9, 9, 3, padding=1, groups=9), nn.Sigmoid())
        self.shortcut = ZeroPadShortcut(18, 24, 2)
        self.down = nn.Conv2d(18, 24, (3, 1), stride=2, padding=(1, 0))
        self.mean = nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.norm = nn.BatchNorm2d(24)
        self.lrn = nn.LocalResponseNorm(5)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            OrderedDict(
                drop=nn.Dropout(), fc=nn.Linear(48, 16), act=nn.Tanh(), out=nn.Linear(16, 7)
            )
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        x = self.shuffle(torch.cat([self.left(x), self.right(x)], dim=1))
        x = self.pool(self.relu(x))
        halves = x.chunk(2, dim=1)
        x = torch.cat([halves[1], self.gate(halves[0]) * halves[0]], dim=1)
        x = self.relu(self.down(x) + self.shortcut(x))
        x = self.lrn(self.relu(self.norm(self.mean(x))))
        x = torch.cat([x, x], dim=1)
        return self.classifier(self.global_pool(x).flatten(1))


def built(name: str) -> tuple[nn.Module, tuple[int, int, int]]:
    """A variant without weights, in inference mode, and the shape of its images."""
    spec = models.spec_of(name)
    with without_weights():
        net = models.build(name).eval()
    return net, (spec.in_channels, spec.input_side, spec.input_side)


def counted_by_torch(net: nn.Module, shape: tuple[int, int, int]) -> int:
    """Multiply-adds that torch's own counter finds by running the net."""
    device = next(net.parameters()).device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(torch.empty(1, *shape, device=device))
    return counter.get_total_flops() // 2


def observed_shapes(
    net: nn.Module, shape: tuple[int, int, int]
) -> dict[str, list[tuple[int, ...]]]:
    """Output shapes of every module, without the batch, in the order of its calls."""
    seen: dict[str, list[tuple[int, ...]]] = {}

    def note(name: str):
        return lambda module, inputs, output: seen.setdefault(name, []).append(
            tuple(output.shape[1:])
        )

    handles = [m.register_forward_hook(note(name)) for name, m in net.named_modules()]
    device = next(net.parameters()).device
    with torch.no_grad():
        net(torch.empty(2, *shape, device=device))
    for handle in handles:
        handle.remove()
    return seen
