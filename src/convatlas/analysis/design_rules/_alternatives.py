"""Ways to do one thing with different layers, side by side."""

from collections import OrderedDict
from dataclasses import dataclass
from math import prod

from torch import nn

from convatlas.analysis._cost import cost
from convatlas.analysis._graph import Shape
from convatlas.analysis._weightless import without_weights
from convatlas.analysis.design_rules._numbers import positive
from convatlas.errors import UserError
from convatlas.layers import Parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One way: its cost for one image, without biases, and as a share of the first way's.

    `narrowest` is the smallest number of activations that everything passes through before the
    output: where it is far below input and output, the way has a representational bottleneck.
    """

    name: str
    out_shape: Shape
    params: int
    mult_adds: int
    share: float  # of the first alternative's mult-adds
    receptive_field: int  # side in pixels
    narrowest: int


def grid_reductions(channels: int, side: int, *, kernel_size: int = 3) -> tuple[Alternative, ...]:
    """From `channels` maps of `side` x `side` to twice the maps of half the side, in three ways.

    Convolving first is dear, pooling first squeezes everything through a quarter of the
    activations; a strided convolution beside a pooling does neither.

    Source: Szegedy et al., CVPR 2016 (arXiv:1512.00567), Sec. 5, Fig. 9 and 10.
    """
    positive(channels=channels, side=side, kernel_size=kernel_size)
    if side % 2:
        raise UserError(f"side={side}; a grid that is halved has an even side.")
    with without_weights():
        ways = {
            "convolve, then pool": nn.Sequential(
                _conv(channels, 2 * channels, kernel_size), nn.MaxPool2d(2)
            ),
            "pool, then convolve": nn.Sequential(
                nn.MaxPool2d(2), _conv(channels, 2 * channels, kernel_size)
            ),
            "both in parallel": Parallel(
                OrderedDict(
                    convolve=_conv(channels, channels, kernel_size, stride=2),
                    pool=nn.MaxPool2d(2),
                )
            ),
        }
    return _compared(ways, (channels, side, side))


def factorings(channels: int, side: int, *, kernel_size: int) -> tuple[Alternative, ...]:
    """A square convolution, 1 x n and n x 1 in its place, and a stack of 3x3 that sees as much.

    Args:
        kernel_size: n, odd, from 3.

    Source: Szegedy et al., CVPR 2016 (arXiv:1512.00567), Sec. 3; Simonyan and Zisserman, ICLR 2015
    (arXiv:1409.1556), Sec. 2.3.
    """
    positive(channels=channels, side=side, kernel_size=kernel_size)
    if kernel_size < 3 or kernel_size % 2 == 0:
        raise UserError(f"kernel_size={kernel_size}; it must be odd and at least 3.")
    n, stack = kernel_size, (kernel_size - 1) // 2
    with without_weights():
        ways: dict[str, nn.Module] = {
            f"{n}x{n}": nn.Sequential(_conv(channels, channels, n)),
            f"1x{n}, {n}x1": nn.Sequential(
                _conv(channels, channels, (1, n)), _conv(channels, channels, (n, 1))
            ),
        }
        if stack > 1:
            ways[f"{stack} times 3x3"] = nn.Sequential(
                *(_conv(channels, channels, 3) for _ in range(stack))
            )
    return _compared(ways, (channels, side, side))


def _conv(
    in_channels: int, out_channels: int, kernel_size: int | tuple[int, int], *, stride: int = 1
) -> nn.Conv2d:
    sides = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    padding = (sides[0] // 2, sides[1] // 2)
    return nn.Conv2d(in_channels, out_channels, sides, stride, padding, bias=False)


def _compared(ways: dict[str, nn.Module], shape: tuple[int, int, int]) -> tuple[Alternative, ...]:
    reports = {name: cost(way, shape) for name, way in ways.items()}
    first = next(iter(reports.values())).mult_adds
    return tuple(
        Alternative(
            name=name,
            out_shape=report.rows[-1].out_shape,
            params=report.params,
            mult_adds=report.mult_adds,
            share=report.mult_adds / first,
            receptive_field=max(row.receptive_field for row in report.rows),
            narrowest=_narrowest(ways[name], [prod(row.out_shape) for row in report.rows], shape),
        )
        for name, report in reports.items()
    )


def _narrowest(way: nn.Module, sizes: list[int], shape: tuple[int, int, int]) -> int:
    """Branches side by side squeeze nothing: together they are the output."""
    passed = sizes[-1:] if isinstance(way, Parallel) else sizes
    return min(prod(shape), *passed)
