"""Equality under weights that let the logits depend on the images.

Where libraries start convolutions small, batch norms with random shifts hide what the layers
before them do: two images then have almost the same logits, and so would a wrong net.
"""

import torch
from torch import Tensor, nn

from convatlas.foreign import convert, net_for, sources_of
from tests.peers.peer import build_theirs, relative_difference, transplant


def assert_timm_has(variant: str, side: int | None = None) -> None:
    """timm's net, converted by our table, gives the logits of ours."""
    (source,) = [s for s in sources_of(variant) if s.library == "timm"]
    theirs = strengthen(build_theirs("timm", source.variants[variant]))
    ours, spec = net_for(variant, source, **({} if side is None else {"input_side": side}))
    ours.load_state_dict(convert(theirs.state_dict(), ours, source), strict=True)
    assert_equal(ours, theirs, noise(spec.input_side))


def assert_transplants(ours: nn.Module, theirs: nn.Module, side: int) -> None:
    """Our weights in a net whose layers of one shape run in our order give our output."""
    transplant(strengthen(ours), theirs, noise(side))
    assert_equal(ours, theirs, noise(side))


def assert_equal(ours: nn.Module, theirs: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        logits, others = ours.eval()(images).flatten(1), theirs.eval()(images).flatten(1)
    assert relative_difference(logits[0], logits[1]) > 1e-2
    assert relative_difference(others, logits) <= 1e-4


def strengthen(net: nn.Module) -> nn.Module:
    """Convolutions and linear layers keep the size of what they read; statistics are random."""
    torch.manual_seed(0)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.weight.normal_(std=(2 / layer.weight[0].numel()) ** 0.5)
                if layer.bias is not None:
                    layer.bias.normal_(std=0.1)
            elif isinstance(layer, nn.BatchNorm2d):
                for tensor in (layer.weight, layer.running_var):
                    tensor.uniform_(0.5, 1.5)
                for tensor in (layer.bias, layer.running_mean):
                    tensor.uniform_(-0.5, 0.5)
    return net.eval()


def noise(side: int) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
