"""Counting a module from what its figure prints, branch by branch."""

from math import prod


def recount(in_channels: int, *branches: str) -> tuple[int, int]:
    """Parameters and output channels of branches of convolutions with batch norm.

    A branch is a string like "1x1:64 3x3:96", kernel and channels of each convolution. "pool"
    passes channels on; "1x3:256|3x1:256" are two convolutions side by side.
    """
    params = channels = 0
    for branch in branches:
        width = in_channels
        for step in branch.replace("pool", "").split():
            sides = [conv.split(":") for conv in step.split("|")]
            for kernel, out in sides:
                params += (prod(map(int, kernel.split("x"))) * width + 2) * int(out)
            width = sum(int(out) for _, out in sides)
        channels += width
    return params, channels
