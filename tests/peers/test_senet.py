"""SENet against timm's legacy nets; gates at other places against the paper's equations."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas import models
from convatlas.foreign import convert, sources_of
from tests.peers.peer import assert_same_logits, peer, randomise, relative_difference


@pytest.mark.parametrize(
    "variant",
    [
        "se_resnet50",
        *(
            pytest.param(deep, marks=pytest.mark.slow)
            for deep in (
                "se_resnet101",
                "se_resnet152",
                "se_resnext50_32x4d",
                "se_resnext101_32x4d",
                "senet154",
            )
        ),
    ],
)
def test_timm(variant: str):
    assert_same_logits(variant, "timm", side=64)


def test_senet154_with_few_units():
    """Its halved 1x1, its stem and its projections, without the depth."""
    torch.manual_seed(0)
    module = peer("timm.models.senet")
    theirs = module.SENet(
        module.SEBottleneck,
        (1, 2, 1, 1),
        groups=64,
        reduction=16,
        inplanes=128,
        input_3x3=True,
        downsample_kernel_size=3,
        downsample_padding=1,
    ).eval()
    randomise(theirs)
    net = models.build("senet154", depths=(1, 2, 1, 1)).eval()
    (source,) = sources_of("senet154")
    net.load_state_dict(convert(theirs.state_dict(), net, source), strict=True)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert relative_difference(theirs(images), net(images)) <= 1e-4


@pytest.mark.parametrize("place", ["branch", "3x3", "pre", "post", "identity"])
@pytest.mark.parametrize("squeeze", [True, False])
def test_figure_5_by_equations(place: str, squeeze: bool):
    torch.manual_seed(0)
    net = models.build(
        "se_resnet50_r16", depths=(2, 2), se_stages=(True, True), width_multiplier=0.25,
        se_reduction=4, se_place=place, squeeze=squeeze,
    ).eval()  # fmt: skip
    randomise(net)
    for stage in net.stages:
        for unit in stage:
            width = unit.layers.reduce.conv.in_channels
            x = torch.randn(2, width, 9, 9)
            with torch.no_grad():
                assert relative_difference(by_equations(unit, x, place, squeeze), unit(x)) <= 1e-5


def by_equations(unit: nn.Module, x: Tensor, place: str, squeeze: bool) -> Tensor:
    """A unit of Fig. 5 from its weights; the gates stand where `place` says."""
    (gates,) = (m for name, m in unit.named_modules() if name.endswith("gates"))

    def weighted(u: Tensor, here: str) -> Tensor:
        """Eq. 2 to 4."""
        if here != place:
            return u
        z = u.sum((2, 3), keepdim=True) / u[0, 0].numel() if squeeze else u
        hidden = torch.einsum("oi,nihw->nohw", gates.reduce.weight[:, :, 0, 0], z).clamp(min=0)
        s = torch.einsum("oi,nihw->nohw", gates.expand.weight[:, :, 0, 0], hidden)
        return u / (1 + torch.exp(-s))

    def layer(block: nn.Module, u: Tensor) -> Tensor:
        conv, norm = block.conv, block.norm
        u = F.conv2d(u, conv.weight, stride=conv.stride, padding=conv.padding)
        mean, var = norm.running_mean, norm.running_var
        return F.batch_norm(u, mean, var, norm.weight, norm.bias, eps=1e-5)

    layers = unit.layers
    f = layer(layers.reduce, weighted(x, "pre")).relu()
    f = weighted(layer(layers.spatial, f).relu(), "3x3")
    f = weighted(layer(layers.restore, f), "branch")
    projection = unit.shortcut.project if place == "identity" else unit.shortcut
    shortcut = x if isinstance(projection, nn.Identity) else layer(projection, x)
    return weighted((f + weighted(shortcut, "identity")).relu(), "post")
