"""Training steps under stochastic depth against the plain net's, beside what the formula says.

A dropped unit's branch is neither computed forward nor backward. If all of a net's time lay in its
branches, a step would take the mean survival probability of the units, weighted by their
multiply-adds, of the plain net's step: 3/4 for p_L = 0.5 under linear decay. `predicted` also
counts what no draw can save, the stem and the classifier, by their multiply-adds; shortcuts,
additions and the optimizer cost time that it does not see. The nets take turns step by step, so
that whatever else the machine does meets all of them; a step's time depends on its draw, so many
are needed. Run it on a quiet machine:

    python benchmarks/stochastic_depth.py --threads 2 --seconds 60
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from statistics import mean, median
from time import perf_counter

import torch
from torch import nn
from torch.nn import functional as F

from convatlas import models
from convatlas.analysis import cost
from convatlas.layers import Survival
from convatlas.models import Spec

NETS = (  # variant with stochastic depth, width multiplier, side, batch
    ("resnet110_cifar_stochastic_depth", 1.0, 32, 16),
    ("resnet110_cifar_stochastic_depth_uniform", 1.0, 32, 16),
    ("resnet50_stochastic_depth", 0.5, 64, 16),
)


def steps(net: nn.Module, spec: Spec, batch: int) -> Iterator[None]:
    """One plain training step on the same images each time."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    generator = torch.Generator().manual_seed(0)
    shape = (batch, spec.in_channels, spec.input_side, spec.input_side)
    images = torch.randn(shape, generator=generator)
    labels = torch.randint(spec.num_classes, (batch,), generator=generator)
    net.train()
    while True:
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
        yield


def timed(running: Iterator[None]) -> float:
    start = perf_counter()
    next(running)
    return perf_counter() - start


def predicted(net: nn.Module, spec: Spec) -> float:
    """Expected multiply-adds of a step / those of the plain net's."""
    survival = {
        name.removesuffix(".survival"): module.probability
        for name, module in net.named_modules()
        if isinstance(module, Survival)
    }
    rows = cost(net, (spec.in_channels, spec.input_side, spec.input_side)).rows
    expected = 0.0
    for row in rows:
        unit = ".".join(row.name.split(".")[:3])
        beside = ".shortcut" in row.name
        expected += row.mult_adds * (1.0 if beside else survival.get(unit, 1.0))
    return expected / sum(row.mult_adds for row in rows)


def compare(variant: str, width: float, side: int, batch: int, *, seconds: float) -> dict:
    spec = models.spec_of(variant, width_multiplier=width, input_side=side, num_classes=10)
    build = models.family_of(variant).build
    torch.manual_seed(0)
    nets = {"dropped": build(spec), "plain": build(replace(spec, survival=None))}
    survivals = [m.probability for m in nets["dropped"].modules() if isinstance(m, Survival)]
    running = {name: steps(net, spec, batch) for name, net in nets.items()}
    times: dict[str, list[float]] = {name: [] for name in nets}
    for each in running.values():
        timed(each)
    start = perf_counter()
    while perf_counter() - start < seconds or len(times["plain"]) < 3:
        for name in sorted(running, reverse=len(times["plain"]) % 2 == 1):
            times[name].append(timed(running[name]))
    ratios = [a / b for a, b in zip(times["dropped"], times["plain"], strict=True)]
    return {
        "net": f"{variant} x{width:g} @{side}",
        "batch": batch,
        "n": len(ratios),
        "plain_s": median(times["plain"]),
        "dropped_s": median(times["dropped"]),
        "ratio": mean(times["dropped"]) / mean(times["plain"]),
        "ratio_median": median(ratios),
        "predicted": predicted(nets["dropped"], spec),
        "expected_units": sum(survivals) / len(survivals),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each net")
    parser.add_argument("--net", help="one variant only")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for row in NETS:
        if arguments.net in (None, row[0]):
            print(json.dumps(compare(*row, seconds=arguments.seconds)), flush=True)
    conditions = {"threads": arguments.threads, "torch": torch.__version__}
    print(json.dumps({**conditions, "cpu": torch.backends.cpu.get_cpu_capability()}))


if __name__ == "__main__":
    main()
