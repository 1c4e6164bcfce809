"""Interleaved group convolution: which blocks a number of parameters affords."""

from dataclasses import dataclass
from math import isqrt

from convatlas.analysis.design_rules._numbers import positive
from convatlas.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class IgcBlock:
    """`primary` groups of `secondary` channels each, then `secondary` groups of 1x1."""

    primary: int  # L, groups of the spatial convolution = channels per group of the 1x1
    secondary: int  # M, channels per group of the spatial convolution = groups of the 1x1
    kernel_size: int

    @property
    def width(self) -> int:
        """Channels of the block, L M."""
        return self.primary * self.secondary

    @property
    def params(self) -> int:
        """Weights of both convolutions, L M (k^2 M + L)."""
        return self.width * (self.kernel_size**2 * self.secondary + self.primary)


def igc_blocks(params: int, *, kernel_size: int = 3) -> tuple[IgcBlock, ...]:
    """For every M, the widest block of at most `params` weights, by rising M.

    Raises:
        UserError: if not even one channel fits.

    Source: Zhang et al., ICCV 2017 (arXiv:1707.02725), Sec. 3.3 and 5.
    """
    positive(params=params, kernel_size=kernel_size)
    found = []
    secondary = 1
    while (primary := _most_groups(params, secondary, kernel_size)) >= 1:
        found.append(IgcBlock(primary=primary, secondary=secondary, kernel_size=kernel_size))
        secondary += 1
    if not found:
        raise UserError(
            f"params={params} is less than one channel takes; use {kernel_size**2 + 1} or more."
        )
    return tuple(found)


def widest_igc_block(params: int, *, kernel_size: int = 3) -> IgcBlock:
    """The widest of `igc_blocks`, of equals the one with fewest weights: near L = k^2 M."""
    return max(igc_blocks(params, kernel_size=kernel_size), key=lambda b: (b.width, -b.params))


def _most_groups(params: int, secondary: int, kernel_size: int) -> int:
    """Largest L with M L^2 + k^2 M^2 L <= params."""
    linear = kernel_size**2 * secondary**2
    return (isqrt(linear**2 + 4 * secondary * params) - linear) // (2 * secondary)
