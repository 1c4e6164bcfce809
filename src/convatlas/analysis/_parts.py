"""Which parameters of a net count."""

from collections.abc import Iterator

from torch import nn
from torch.nn import Parameter

AUX = "aux"  # the part that holds a net's auxiliary heads


def own_parameters(net: nn.Module) -> Iterator[Parameter]:
    """The parameters of `net` without those of its auxiliary heads, which only training runs."""
    for name, parameter in net.named_parameters():
        if name.partition(".")[0] != AUX:
            yield parameter


def aux_parameters(net: nn.Module) -> Iterator[Parameter]:
    """The parameters of the auxiliary heads of `net`."""
    for name, parameter in net.named_parameters():
        if name.partition(".")[0] == AUX:
            yield parameter
