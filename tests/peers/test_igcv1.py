"""IGCV1 by the layer list of the authors' files, written out with index loops."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.models import build, spec_of
from convatlas.models.igcv1 import IGCV1Spec
from tests.peers.peer import randomise, relative_difference


def reordered(x: Tensor, factor: int) -> Tensor:
    """Their operator Reorder: `factor` blocks of channels, dealt out one from each in turn."""
    size = x.shape[1] // factor
    order = [block * size + i for i in range(size) for block in range(factor)]
    return x[:, order]


class Tape:
    """The net's tensors in running order."""

    def __init__(self, net: nn.Module) -> None:
        self.layers = iter([m for m in net.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)])

    def conv(self, x: Tensor, groups: int, stride: int) -> Tensor:
        weight = next(self.layers).weight
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, 1, groups)

    def norm(self, x: Tensor) -> Tensor:
        norm = next(self.layers)
        return F.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=2e-5
        )

    def igc(self, x: Tensor, primary: int, secondary: int, stride: int) -> Tensor:
        x = reordered(self.conv(x, primary, stride), primary)
        return self.norm(reordered(self.conv(x, secondary, 1), secondary))


def plain(tape: Tape, x: Tensor, spec: IGCV1Spec) -> Tensor:
    """plain_igc.py."""
    for stage, blocks in enumerate(spec.depths):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = F.relu(tape.igc(x, spec.primary, spec.secondary * 2**stage, stride))
    return x


def identity(tape: Tape, x: Tensor, spec: IGCV1Spec) -> Tensor:
    """resnet_igc.py: secondary partitions are kin / L, then kout / L."""
    kin = spec.primary * spec.secondary
    for stage, units in enumerate(spec.depths):
        kout = spec.primary * spec.secondary * 2**stage
        for _ in range(units):
            stride = 1 if kin == kout else 2
            f = F.relu(tape.igc(x, spec.primary, kin // spec.primary, stride))
            f = tape.igc(f, spec.primary, kout // spec.primary, 1)
            if kin != kout:
                x = tape.norm(tape.conv(x, spec.primary, stride))
            x, kin = F.relu(x + f), kout
    return x


def imagenet(tape: Tape, x: Tensor, spec: IGCV1Spec) -> Tensor:
    """resnet_igc_imgnet_d18.py: L doubles with the channels."""
    kin, primary = spec.primary, spec.primary
    for stage in range(4):
        kout = spec.primary * 2 ** (stage + 1)
        for unit in range(2):
            stride = 2 if stage and not unit else 1
            f = F.relu(tape.igc(x, primary, kout // primary, stride))
            f = tape.igc(f, primary, kout // primary, 1)
            if kin != kout:
                x = tape.norm(tape.conv(x, primary, stride))
            x, kin = F.relu(x + f), kout
        primary *= 2
    return x


@pytest.mark.parametrize(
    ("name", "changes", "stages"),
    [
        ("igcv1_l4m8_d20", {}, plain),
        ("igcv1_l24m2_d20", {}, plain),
        ("igcv1_l24m2_d20_identity", {}, identity),
        ("igcv1_l16m32_d20_identity", {"primary": 4, "secondary": 6}, identity),
        ("igcv1_l100m2_imagenet", {"input_side": 64}, imagenet),
    ],
)
def test_equal_outputs(name: str, changes: dict[str, int], stages):
    torch.manual_seed(0)
    ours, spec = build(name, **changes).eval(), spec_of(name, **changes)
    randomise(ours)
    x = torch.randn(2, 3, spec.input_side, spec.input_side)
    tape = Tape(ours)
    with torch.no_grad():
        first = spec.stem == "7x7"
        theirs = F.relu(tape.norm(tape.conv(x, 1, 2 if first else 1)))
        theirs = F.max_pool2d(theirs, 3, 2, 1) if first else theirs
        theirs = ours.classifier(stages(tape, theirs, spec).mean((2, 3)))
        assert relative_difference(ours(x), theirs) <= 1e-4
    assert next(tape.layers, None) is None
