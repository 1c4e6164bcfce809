"""This machine's roofline, measured in about a second."""

import math
import time
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import nn

from convatlas.device._machine import cpu_name

if TYPE_CHECKING:
    from convatlas.analysis.doctor import Machine, Work

_ROUNDS = 5
_SIDE = 1024  # of the matrix product
_COPIED = 32 * 2**20  # float32: 128 MiB, more than caches hold
_CACHED = 2**18  # float32: 1 MiB


def measured_machine() -> "Machine":
    """What the predictions of `analysis.doctor` must know, for this CPU and torch's threads.

    Each figure is the best of five, so that other programs' work counts as little as it can. Kinds
    of layers that are no large matrix product are measured by one layer of middle size each.
    """
    from convatlas.analysis.doctor import Machine  # commands that time nothing do without

    with torch.inference_mode():
        matrix = torch.rand(_SIDE, _SIDE)
        product = torch.empty(_SIDE, _SIDE)
        rate = _SIDE**3 / _best(lambda: torch.mm(matrix, matrix, out=product))
        tiny, one = nn.BatchNorm2d(1).eval(), torch.ones(1, 1, 1, 1)
        overhead = _best(lambda: tiny(one), runs=200)
        return Machine(
            name=f"{cpu_name()}, torch {torch.__version__} eager, "
            f"{torch.get_num_threads()} thread(s), measured",
            mult_adds_per_s=rate,
            bandwidth=_copied_per_s(_COPIED),
            cache_bandwidth=_copied_per_s(_CACHED, runs=50),
            overhead_s=overhead,
            efficiency=tuple(
                (work, _efficiency(layer, operations, rate, overhead))
                for work, layer, operations in _layers()
            ),
        )


def _layers() -> "list[tuple[Work, nn.Module, int]]":
    """A layer of each kind, and its operations for an output of 96 x 28 x 28."""
    size = 96 * 28 * 28
    return [
        ("depthwise", nn.Conv2d(96, 96, 3, padding=1, groups=96, bias=False), 9 * size),
        ("grouped", nn.Conv2d(96, 96, 3, padding=1, groups=4, bias=False), 9 * 24 * size),
        ("max pool", nn.MaxPool2d(3, 1, padding=1), 9 * size),
        ("average pool", nn.AvgPool2d(3, 1, padding=1), 9 * size),
        ("response norm", nn.LocalResponseNorm(5), 7 * size),
    ]


def _efficiency(layer: nn.Module, operations: int, rate: float, overhead: float) -> float:
    images = torch.rand(1, 96, 28, 28)
    layer(images)
    seconds = max(_best(lambda: layer(images)) - overhead, 1e-9)
    return min(1.0, operations / seconds / rate)


def _copied_per_s(elements: int, runs: int = 1) -> float:
    source, target = torch.ones(elements), torch.ones(elements)
    moved = 2 * source.element_size() * prod(source.shape)
    return moved / _best(lambda: target.copy_(source), runs=runs)


def _best(run: Callable[[], object], *, runs: int = 3) -> float:
    """Fewest seconds of one run, over rounds of several."""
    run()
    best = math.inf
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        for _ in range(runs):
            run()
        best = min(best, (time.perf_counter() - start) / runs)
    return best
