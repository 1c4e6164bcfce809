"""SqueezeNet with torchvision's; the bypasses with torchvision's fire modules joined by hand."""

import pytest
import torch
from torch import Tensor, nn

from convatlas.models import build
from tests.peers.peer import assert_same_logits, peer, relative_difference, transplant


def image(side: int) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("side", [96, 227])
@pytest.mark.parametrize("variant", ["squeezenet_1_0", "squeezenet_1_1"])
def test_their_weights_by_name(variant, side):
    assert_same_logits(variant, "torchvision", side=side)


@pytest.mark.parametrize("kind", ["simple", "complex"])
def test_bypass_equals_joined_fire_modules(kind):
    ours = build(f"squeezenet_1_0_{kind}_bypass").eval()
    other = Joined(peer("torchvision.models").squeezenet1_0(), kind == "complex").eval()
    transplant(ours, other, image(96))
    with torch.no_grad():
        assert relative_difference(ours(image(96)), other(image(96))) <= 1e-4


class Joined(nn.Module):
    """torchvision's v1.0 with the arrows of Fig. 2."""

    def __init__(self, plain: nn.Module, with_convolutions: bool) -> None:
        super().__init__()
        self.plain = plain
        widths = {3: (96, 128), 5: (128, 256), 8: (256, 384), 10: (384, 512)}
        self.arrows = nn.ModuleDict(
            {str(i): nn.Conv2d(*c, 1) for i, c in widths.items() if with_convolutions}
        )

    def forward(self, x: Tensor) -> Tensor:
        # 0 conv1, 1 relu, 2 pool, 3-5 fire2-4, 6 pool, 7-10 fire5-8, 11 pool, 12 fire9
        for i, layer in enumerate(self.plain.features):
            before, x = x, layer(x)
            if str(i) in self.arrows:
                x = x + self.arrows[str(i)](before)
            elif i in (4, 7, 9, 12):
                x = x + before
        return self.plain.classifier(x).flatten(1)
