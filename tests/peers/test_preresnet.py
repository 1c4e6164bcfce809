"""Pre-activation ResNets against timm, pytorchcv, and the equations of Fig. 4 written out."""

from itertools import count

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas import models
from tests.peers.peer import assert_same_logits, peer, randomise, relative_difference, transplant


@pytest.mark.parametrize(
    "variant",
    ["resnetv2_50", *(pytest.param(f"resnetv2_{d}", marks=pytest.mark.slow) for d in (101, 152))],
)
def test_timm(variant: str):
    assert_same_logits(variant, "timm", side=64)


def test_max_pool_and_first_activation_change_places_where_no_scale_is_negative():
    """timm's net pools before its first norm, the paper's after it; the maximum does not care."""
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 64)
    theirs = models.build("resnetv2_50")
    randomise(theirs)
    ours = models.build("preresnet50_v15")
    state = theirs.state_dict()
    first = {"stem.conv1.weight": "stem.conv1.conv.weight"}
    for name in list(state):
        moved = first.get(name, name.replace("stages.stage1.0.shared.norm", "stem.conv1.norm"))
        state[moved] = state.pop(name)
    ours.load_state_dict(state, strict=True)
    assert_equal(ours, theirs, images)
    with torch.no_grad():
        for norm in (ours.stem.conv1.norm, theirs.stages.stage1[0].shared.norm):
            norm.weight[::2] *= -1
        assert relative_difference(ours(images), theirs(images)) > 1e-3


def calm(net: nn.Module) -> nn.Module:
    """333 corrections at fixed statistics would overflow."""
    randomise(net)
    for name, parameter in net.named_parameters():
        if name.endswith("conv3.conv.weight"):
            parameter.data *= 0.05
    return net


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("preresnet164_cifar", "preresnet164bn_cifar10"),
        pytest.param("preresnet1001_cifar", "preresnet1001_cifar10", marks=pytest.mark.slow),
    ],
)
def test_pytorchcv_has_the_stride_in_the_3x3(ours: str, theirs: str):
    torch.manual_seed(0)
    images = torch.randn(2, 3, 32, 32)
    net = peer("pytorchcv.model_provider").get_model(theirs)
    same = models.build(ours, stride_in="3x3")
    transplant(net, same, images, start=calm)
    assert_equal(same, net, images)
    other = models.build(ours)  # the released code's place of the stride
    other.load_state_dict(same.state_dict())
    assert relative_difference(other.eval()(images), net(images)) > 1e-3


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("preresnet50", "preresnet50"),
        pytest.param("preresnet50_v15", "preresnet50b", marks=pytest.mark.slow),
        pytest.param("preresnet200", "preresnet200", marks=pytest.mark.slow),
    ],
)
def test_pytorchcv_activates_twice(ours: str, theirs: str):
    """A batch norm and ReLU more, behind the max pool; once it changes nothing, the nets agree."""
    torch.manual_seed(0)
    images = torch.randn(1, 3, 224, 224)  # its only size
    net = peer("pytorchcv.model_provider").get_model(theirs).eval()
    randomise(net)
    extra = net.features.stage1.unit1.body.conv1.bn
    for tensor, value in ((extra.weight, 1), (extra.bias, 0), (extra.running_mean, 0)):
        nn.init.constant_(tensor, value)
    nn.init.constant_(extra.running_var, 1 - extra.eps)
    same = models.build(ours)
    pairs = [(net.features.init_block.conv, same.stem.conv1.conv)]
    pairs += [(net.features.init_block.bn, same.stem.conv1.norm)]
    for number, stage in enumerate(same.stages, start=1):
        their_stage = net.features.get_submodule(f"stage{number}")
        for i, (unit, their_unit) in enumerate(zip(stage, their_stage, strict=True)):
            first = number == 1 and i == 0
            pairs += unit_pairs(unit, their_unit, first=first, projects=i == 0)
    pairs += [(net.features.post_activ.bn, same.pool.norm), (net.output, same.classifier)]
    for source, target in pairs:
        target.load_state_dict(source.state_dict())
    assert sum(p.numel() for a, _ in pairs for p in a.parameters()) == sum(
        p.numel() for p in same.parameters()
    )
    assert_equal(same, net, images)


def unit_pairs(ours: nn.Module, theirs: nn.Module, *, first: bool, projects: bool):
    """Their layers beside ours, but for the norm that the first unit of the net has not."""
    for layer in (1, 2, 3):
        ours_layer = ours.branch.get_submodule(f"layer{layer}")
        their_layer = theirs.body.get_submodule(f"conv{layer}")
        if layer == 1 and projects:
            yield their_layer.conv, ours_layer
            if not first:
                yield their_layer.bn, ours.shared.norm
        else:
            yield their_layer.conv, ours_layer.conv
            yield their_layer.bn, ours_layer.norm
    if projects:
        yield theirs.identity_conv, ours.shortcut


ORDERS = (
    "original",
    "bn_after_addition",
    "relu_before_addition",
    "relu_preactivation",
    "full_preactivation",
)
# Kernels of a unit's convolutions; the first has the stride.
KERNELS = {"single": (3,), "basic": (3, 3), "bottleneck": (1, 3, 1)}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("unit", KERNELS)
def test_orders_by_their_equations(unit: str, order: str):
    shortcut = "B" if unit == "bottleneck" else "A"
    torch.manual_seed(0)
    changes = {"order": order, "unit": unit, "shortcut": shortcut, "depths": (2, 2, 2)}
    net, images = models.build("preresnet110_cifar", **changes), torch.randn(2, 3, 32, 32)
    randomise(net)
    reference = Reference(net.eval().state_dict(), order, KERNELS[unit])
    with torch.no_grad():
        assert relative_difference(reference.logits(images, units=2), net(images)) <= 1e-4


class Reference:
    """Fig. 4 and the Appendix, on the tensors of our net."""

    def __init__(self, state: dict[str, Tensor], order: str, kernels: tuple[int, ...]) -> None:
        self.state, self.order, self.kernels = state, order, kernels

    def logits(self, images: Tensor, units: int) -> Tensor:
        x = self.norm("stem", self.conv("stem", images, 1)).relu()
        for stage, index in ((s, i) for s in (1, 2, 3) for i in range(units)):
            stride = 2 if stage > 1 and index == 0 else 1
            x = self.unit(f"stages.stage{stage}.{index}", x, stride, first=stage == 1 and not index)
        if self.order == "full_preactivation":
            x = self.norm("pool", x)
        if self.order.endswith("preactivation"):
            x = x.relu()
        weight, bias = self.state["classifier.weight"], self.state["classifier.bias"]
        return x.mean((2, 3)) @ weight.T + bias

    def unit(self, path: str, x: Tensor, stride: int, *, first: bool) -> Tensor:
        """x_(l+1) = f(h(x) + F(x)); with a projection h reads what F's first convolution reads."""
        steps = list(zip(count(1), self.kernels, strict=False))
        projects = f"{path}.shortcut.weight" in self.state or (
            f"{path}.shortcut.conv.weight" in self.state
        )
        z = f = x
        for number, _ in steps:
            layer, last = f"{path}.branch.layer{number}", number == len(steps)
            if self.order.endswith("preactivation") and not (first and number == 1):
                if self.order == "full_preactivation":
                    f = self.norm(f"{path}.shared" if projects and number == 1 else layer, f)
                f = f.relu()
            if number == 1:
                z = f
            f = self.conv(layer, f, stride if number == 1 else 1)
            if self.order == "bn_after_addition" and last:
                continue
            if self.order != "full_preactivation":
                f = self.norm(layer, f)
            if self.order == "relu_before_addition" or (
                not last and not self.order.endswith("preactivation")
            ):
                f = f.relu()
        y = f + self.shortcut(f"{path}.shortcut", z if projects else x, f.shape[1], stride)
        if self.order == "bn_after_addition":
            y = self.norm(f"{path}.after", y)
        return y.relu() if self.order in ("original", "bn_after_addition") else y

    def shortcut(self, path: str, x: Tensor, channels: int, stride: int) -> Tensor:
        if f"{path}.weight" in self.state:
            return F.conv2d(x, self.state[f"{path}.weight"], stride=stride)
        if f"{path}.conv.weight" in self.state:
            return self.norm(path, F.conv2d(x, self.state[f"{path}.conv.weight"], stride=stride))
        missing = channels - x.shape[1]
        x = x[:, :, ::stride, ::stride]
        return torch.cat([x, x.new_zeros(len(x), missing, *x.shape[2:])], dim=1)

    def conv(self, path: str, x: Tensor, stride: int) -> Tensor:
        weight = self.find(path, "weight", ("", ".conv", ".layer.conv"), dims=4)
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    def norm(self, path: str, x: Tensor) -> Tensor:
        mean, var, scale, shift = (
            self.find(path, name, (".norm", ".layer.norm"), dims=1)
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - column(mean)) / column(var + 1e-5).sqrt() * column(scale) + column(shift)

    def find(self, path: str, name: str, places: tuple[str, ...], dims: int) -> Tensor:
        names = [f"{path}{place}.{name}" for place in places]
        (found,) = (self.state[n] for n in names if n in self.state and self.state[n].dim() == dims)
        return found


def column(tensor: Tensor) -> Tensor:
    return tensor[:, None, None]


def assert_equal(ours: nn.Module, theirs: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        logits = theirs.eval()(images)
        assert float(logits.std()) > 0
        assert relative_difference(logits, ours.eval()(images)) <= 1e-4
