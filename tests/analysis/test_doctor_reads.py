"""What is told to be read is what has a gradient, on nets without dead units."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convatlas import models
from convatlas.analysis import trace
from convatlas.analysis.doctor import examine
from convatlas.analysis.doctor._reads_channels import channels_read
from convatlas.analysis.doctor._reads_pixels import pixels_read
from convatlas.layers import ChannelShuffle, JoinShuffle, SelectChannels, ZeroPadShortcut
from tests.analysis.nets import Branches


class Dropping(nn.Module):
    """Splits, selections, groups, strides and crops that leave something out, all in one."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 5, stride=3)
        self.grouped = nn.Conv2d(12, 12, 3, padding=1, groups=3)
        self.shuffle = ChannelShuffle(4)
        self.select = SelectChannels([0, 1, 5, 9], in_channels=12)
        self.skip = nn.Conv2d(4, 6, 1, stride=2)
        self.other = nn.Conv2d(4, 3, 2, stride=3, dilation=2)
        self.join = JoinShuffle()
        self.first = SelectChannels([0, 1, 2], in_channels=4)
        self.crop = nn.ZeroPad2d((-1, 0, 1, -2))
        self.shortcut = ZeroPadShortcut(3, 5, 2)
        self.pool = nn.AvgPool2d(2, 3)
        self.last = nn.Conv2d(5, 4, 1, groups=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.select(self.shuffle(self.grouped(self.stem(x))))
        first, second, _ = self.skip(self.crop(x)).chunk(3, dim=1)
        y = self.shortcut(self.first(self.join(first, second)) + self.other(x).mean((2, 3), True))
        return self.last(self.pool(y)).flatten(1)


def smooth(net: nn.Module) -> nn.Module:
    """The net with a gradient at every element that something reads."""
    for parent in list(net.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.ReLU | nn.ReLU6):
                setattr(parent, name, nn.Softplus())
            elif isinstance(layer, nn.MaxPool2d):
                window = (layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
                setattr(parent, name, nn.AvgPool2d(*window))
    return net.double().eval()


def gradients(net: nn.Module, shape: tuple[int, int, int]) -> dict[str, Tensor]:
    """Per layer, the gradient of something that depends on all outputs; 0 where there is none."""
    images = torch.randn(2, *shape, dtype=torch.float64, requires_grad=True)
    outputs = {"images": images}

    def keep(name: str):
        def hook(_module: nn.Module, _given: object, output: Tensor) -> None:
            output.retain_grad()
            outputs[name] = output

        return hook

    for name, module in net.named_modules():
        if not list(module.children()) and not isinstance(module, nn.Identity):
            module.register_forward_hook(keep(name))
    logits = net(images)
    (logits * torch.randn_like(logits)).sum().backward()
    return {n: torch.zeros_like(x) if x.grad is None else x.grad for n, x in outputs.items()}


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (Dropping(), (3, 60, 61)),
        (Branches(), (3, 35, 39)),
        (models.build("squeezenext23"), (3, 95, 95)),
        (models.build("shufflenet_v2_small"), (3, 32, 32)),
    ],
    ids=["dropping", "branches", "squeezenext23", "shufflenet_v2_small"],
)
def test_read_is_what_has_a_gradient(net, shape):
    torch.manual_seed(0)
    graph = trace(net, shape)
    channels, pixels = channels_read(graph), pixels_read(graph)
    checked = 0
    for name, gradient in gradients(smooth(net), shape).items():
        if name not in pixels or gradient.dim() != 4 or f"{name}:2" in pixels:
            continue
        some = (gradient != 0).numpy()
        assert np.array_equal(channels[name], some.any(axis=(0, 2, 3))), name
        assert np.array_equal(pixels[name], some.any(axis=(0, 1))), name
        checked += 1
    assert checked > 5


class Anything(nn.Module):
    """Functional calls, a parameter of its own, a slice, a second output."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3, 3, 3))
        self.offset = nn.Parameter(torch.zeros(1, 8, 1, 1))
        self.unread = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = nn.functional.relu(nn.functional.conv2d(x, self.weight, stride=2)) + self.offset
        second = self.unread(x)
        return nn.functional.hardswish(x[:, :, 1:]).mean((2, 3)), second


def test_any_module_is_examined():
    told = examine(Anything(), (3, 8, 8))
    findings = {finding.kind: finding for finding in told.findings}
    assert "channels never read" not in findings  # the second output is one
    assert findings["pixels never read"].layers[0].name == "images"  # 8 rows, windows reach 7
    kinds = {layer.name for layer in findings["element-wise operations"].layers}
    assert kinds == {"ReLU", "add", "hardswish"}


@pytest.mark.parametrize("net", [nn.Identity(), nn.Flatten()])
def test_a_net_that_takes_no_time(net):
    told = examine(net, (3, 8, 8))
    assert (told.seconds, told.findings) == (0, ())


def test_a_linear_layer_of_every_pixel_is_not_fully_connected():
    class PerPixel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Linear(3, 64)

        def forward(self, x: Tensor) -> Tensor:
            return self.mix(x.permute(0, 2, 3, 1)).mean((1, 2))

    kinds = {finding.kind for finding in examine(PerPixel(), (3, 8, 8)).findings}
    assert "fully connected weights" not in kinds
