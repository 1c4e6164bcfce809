"""The parts of a net: which parameters count, and which part a layer belongs to."""

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


def part_of(name: str) -> str:
    """The part that a node belongs to: "stem", "stages.conv2", "classifier"; "" for none.

    Operations between the parts (`flatten`) belong to none.
    """
    parts = name.partition(":")[0].split(".")
    if parts[0] == "stages" and len(parts) > 1:
        return ".".join(parts[:2])
    return parts[0] if len(parts) > 1 or parts[0] not in _BETWEEN else ""


_BETWEEN = frozenset({"images", "flatten", "add", "sub", "mul", "cat", "chunk", "getitem"})
