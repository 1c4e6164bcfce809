"""A full convolution against its depthwise separable form."""

from dataclasses import dataclass

from torch import nn

from convatlas.analysis._cost import cost
from convatlas.analysis._weightless import without_weights
from convatlas.analysis.design_rules._numbers import positive
from convatlas.layers import SeparableConv


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparableSaving:
    """Mult-adds of both forms for one image, their ratio as counted, and by the law."""

    full: int
    separable: int
    counted: float  # separable / full
    law: float  # 1 / out_channels + 1 / kernel_size^2


def separable_saving(
    in_channels: int, out_channels: int, kernel_size: int, *, side: int, stride: int = 1
) -> SeparableSaving:
    """What is left of a convolution's mult-adds when filtering and mixing are done apart.

    Args:
        kernel_size: odd.
        side: of the square input.

    Source: Howard et al., arXiv:1704.04861, Sec. 3.1.
    """
    positive(in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size)
    positive(side=side, stride=stride)
    shape = (in_channels, side, side)
    with without_weights():
        padding = kernel_size // 2
        full = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)
        )
        apart = SeparableConv(in_channels, out_channels, kernel_size, stride=stride)
    counts = cost(full, shape).mult_adds, cost(apart, shape).mult_adds
    return SeparableSaving(
        full=counts[0],
        separable=counts[1],
        counted=counts[1] / counts[0],
        law=1 / out_channels + 1 / kernel_size**2,
    )
