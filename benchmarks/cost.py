"""Seconds to count a net's mult-adds: `cost` against torch's FlopCounterMode, both correct.

Run: python benchmarks/cost.py [--rounds 9] [variants ...]

Rounds are interleaved in random order; the ratio is the median of the rounds' ratios. `cost` gets
the net without weights, as commands build it. FlopCounterMode runs a forward, on the CPU with
weights and on the meta device without; the faster of the two counts against us.
"""

import argparse
import random
import statistics
from collections.abc import Callable
from time import perf_counter

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from convatlas import models
from convatlas.analysis import cost, without_weights

NETS = ("resnet50", "densenet201", "vgg_d", "mobilenet_v2", "shufflenet_v2_x1_0")


def counted_by_torch(net: nn.Module, images: torch.Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(images)
    return counter.get_total_flops() // 2


def contenders(name: str) -> dict[str, Callable[[], int]]:
    spec = models.spec_of(name)
    shape = (spec.in_channels, spec.input_side, spec.input_side)
    with without_weights():
        bare = models.build(name).eval()
    real = models.build(name).eval()
    images, ghosts = torch.zeros(1, *shape), torch.zeros(1, *shape, device="meta")
    return {
        "cost": lambda: cost(bare, shape).mult_adds,
        "FlopCounterMode, cpu": lambda: counted_by_torch(real, images),
        "FlopCounterMode, meta": lambda: counted_by_torch(bare, ghosts),
    }


def seconds(run: Callable[[], int], expected: int) -> float:
    start = perf_counter()
    counted = run()
    taken = perf_counter() - start
    if counted != expected:
        raise SystemExit(f"counted {counted:,}, expected {expected:,}")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=NETS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} thread(s), {options.rounds} rounds")
    for name in options.nets:
        runs = contenders(name)
        expected = runs["cost"]()
        taken: dict[str, list[float]] = {what: [] for what in runs}
        for what in runs:  # once without the clock
            seconds(runs[what], expected)
        for _ in range(options.rounds):
            for what in random.sample(list(runs), len(runs)):
                taken[what].append(seconds(runs[what], expected))
        faster = [min(t) for t in zip(*(taken[w] for w in runs if w != "cost"), strict=True)]
        ratio = statistics.median(t / c for t, c in zip(faster, taken["cost"], strict=True))
        medians = ", ".join(f"{w} {statistics.median(t) * 1e3:.1f} ms" for w, t in taken.items())
        print(f"{name}: {medians}; {ratio:.1f}x faster than the faster of the two")


if __name__ == "__main__":
    main()
