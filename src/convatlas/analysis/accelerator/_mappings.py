"""Cycles and accesses of one convolution under each mapping.

Symbols: G groups, C input and K output channels of a group, F kernel positions, P = H x W output
pixels; N rows x M columns of the array; A sums per element. Groups run one after the other.
"""

from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from types import MappingProxyType

from convatlas.analysis.accelerator._layers import Convolution
from convatlas.analysis.accelerator._machine import Accelerator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a mapping takes, before DRAM; counts are words."""

    cycles: int
    registers: int
    neighbours: int
    buffer: int


def weight_stationary(layer: Convolution, machine: Accelerator) -> Work:
    """Rows hold input channels, columns output channels, an element one weight.

    A tile of N x M weights of one kernel position stays while all pixels stream through; the next
    tile is loaded meanwhile, one row in a cycle:
        cycles = G F ceil(C / N) ceil(K / M) max(P, N)
    A multiply-accumulate reads its weight from the register, its input and its partial sum from a
    neighbour. The buffer gives each pixel of an input channel for each kernel position and each
    tile of output channels, gives each weight, and takes and gives back the partial sums between
    tiles:
        buffer = G C F P ceil(K / M) + weights + G K P (2 F ceil(C / N) - 1)
    """
    groups, inputs, outputs = layer.groups, layer.in_channels, layer.out_channels
    rows, columns = _over(inputs, machine.rows), _over(outputs, machine.columns)
    passes = layer.window * rows
    read = groups * inputs * layer.window * layer.pixels * columns
    sums = groups * outputs * layer.pixels * (2 * passes - 1)
    return Work(
        cycles=groups * passes * columns * max(layer.pixels, machine.rows),
        registers=layer.mult_adds,
        neighbours=2 * layer.mult_adds,
        buffer=read + layer.weights + sums,
    )


def output_stationary(layer: Convolution, machine: Accelerator) -> Work:
    """An element holds an output pixel, of A output channels at a time.

    For a tile of N x M pixels and A channels, each input channel's patch of p words comes once from
    the buffer, M words in a cycle, while the patch before is used; weights are broadcast one in a
    cycle; at the end M sums leave in a cycle:
        cycles = G tiles (sum over the groups of a <= A of K channels: C max(F a, p / M)) + G tiles
                 K N,  tiles = ceil(H / N) ceil(W / M)
        p = ((N' - 1) stride + kernel) ((M' - 1) stride + kernel) of the N' x M' elements in use
    A multiply-accumulate adds to the register, gets its weight from the broadcast line and its
    input from a neighbour.
        buffer = G tiles C p ceil(K / A) + weights tiles + G K P
    """
    high, wide = min(machine.rows, layer.out_side[0]), min(machine.columns, layer.out_side[1])
    tiles = _over(layer.out_side[0], machine.rows) * _over(layer.out_side[1], machine.columns)
    patch = _patch(layer, 0, high) * _patch(layer, 1, wide)
    load = _over(patch, machine.columns)
    full, rest = divmod(layer.out_channels, machine.sums)
    steps = full * max(layer.window * machine.sums, load)
    steps += max(layer.window * rest, load) if rest else 0
    inner = layer.in_channels * steps + layer.out_channels * high
    groups_of_sums = _over(layer.out_channels, machine.sums)
    read = layer.groups * tiles * layer.in_channels * patch * groups_of_sums
    return Work(
        cycles=layer.groups * tiles * inner,
        registers=layer.mult_adds,
        neighbours=2 * layer.mult_adds,
        buffer=read + layer.weights * tiles + layer.groups * layer.out_channels * layer.pixels,
    )


WORK: Dictionary[Mapping, Callable[[Convolution, Accelerator], Work]] = MappingProxyType(
    {"weight-stationary": weight_stationary, "output-stationary": output_stationary}
)


def _patch(layer: Convolution, axis: int, pixels: int) -> int:
    """Side of the input that `pixels` outputs in a row look at; strides leave nothing unread."""
    reach = layer.dilation[axis] * (layer.kernel[axis] - 1) + 1
    step = min(layer.stride[axis], reach)  # pixels between windows are not fetched
    return (pixels - 1) * step + reach


def _over(a: int, b: int) -> int:
    return -(-a // b)
