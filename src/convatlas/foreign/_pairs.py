"""Pairs that many tables share."""

from collections.abc import Iterator

Pair = tuple[str, str]


def conv_norm(ours: str, conv: str, norm: str) -> Iterator[Pair]:
    """A `ConvNorm` or `NormConv` of ours beside their convolution and their batch norm."""
    yield f"{ours}.conv", conv
    yield f"{ours}.norm", norm
