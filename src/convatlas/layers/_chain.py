"""Convolutions one after another."""

from torch import nn

from convatlas.layers._conv import ConvNorm, Sides

ConvStep = tuple[int, Sides] | tuple[int, Sides, int]


def conv_chain(in_channels: int, *steps: ConvStep, eps: float = 1e-5) -> nn.Sequential:
    """Convolutions with batch norm and ReLU, each reading the one before it.

    A step (channels, kernel) keeps the side; (channels, kernel, stride) is not padded, which
    figures of Inception modules mark with a V ("valid").

    Args:
        eps: of the batch norms.
    """
    layers: list[nn.Module] = []
    for channels, kernel_size, *stride in steps:
        layers.append(
            ConvNorm(
                in_channels,
                channels,
                kernel_size,
                stride=stride[0] if stride else 1,
                padding=0 if stride else None,
                eps=eps,
                activation=nn.ReLU(inplace=True),
            )
        )
        in_channels = channels
    return nn.Sequential(*layers)
