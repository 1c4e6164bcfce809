"""Do layers take the part of the time that the doctor predicts? Per net, torch eager, batch 1.

Run: python benchmarks/doctor.py [--rounds 9] [--threads 1] [--measured] [variants ...]

Each module is timed by hooks, less the modules inside it, as the median of rounds; predictions are
added up for the same modules, so that additions and joins count with the module that does them.
Printed: Spearman's rank correlation of predicted and measured shares, the part of the time that
the prediction puts into the wrong layer, and predicted / measured seconds. "plain" is the same
roofline without efficiencies and caches. --measured takes this machine's roofline in place of the
stated one.
"""

import argparse
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import nn

from convatlas import models
from convatlas.analysis.doctor import DEFAULT, Machine, examine
from convatlas.device import measured_machine

NETS = ("alexnet", "googlenet", "resnet50", "mobilenet_v2", "shufflenet_v1_g3_x1_0", "densenet121")


def measured_seconds(net: nn.Module, images: torch.Tensor, rounds: int) -> dict[str, float]:
    """Per module, the median of its own seconds."""
    running: list[list[float]] = []
    own: dict[str, list[float]] = defaultdict(list)

    def enter(*_: Any) -> None:
        running.append([perf_counter(), 0.0])

    def leave(name: str) -> Any:
        def hook(*_: Any) -> None:
            start, inside = running.pop()
            taken = perf_counter() - start
            own[name].append(taken - inside)
            if running:
                running[-1][1] += taken

        return hook

    hooks = []
    for name, module in net.named_modules():
        hooks += [
            module.register_forward_pre_hook(enter),
            module.register_forward_hook(leave(name)),
        ]
    with torch.inference_mode():
        for _ in range(rounds + 2):
            net(images)
    for hook in hooks:
        hook.remove()
    return {name: _median_of_rounds(times, rounds + 2) for name, times in own.items()}


def _median_of_rounds(times: Sequence[float], rounds: int) -> float:
    """A module that runs several times a round counts with their sum; two rounds warm up."""
    calls = len(times) // rounds
    sums = [sum(times[i * calls : (i + 1) * calls]) for i in range(2, rounds)]
    return statistics.median(sums)


def predicted_seconds(net: nn.Module, shape: Any, machine: Machine) -> dict[str, float]:
    """The same modules' predictions."""
    modules = {name for name, _ in net.named_modules()}
    found: dict[str, float] = defaultdict(float)
    for layer in examine(net, shape, machine=machine).times:
        name = layer.name.split(":")[0]
        while name not in modules:
            name = name.rpartition(".")[0]
        found[name] += layer.seconds
    return found


def ranks(values: Sequence[float]) -> np.ndarray:
    """From 0; equal values share the middle of their ranks."""
    array = np.asarray(values)
    below = (array[:, None] > array).sum(axis=1)
    equal = (array[:, None] == array).sum(axis=1)
    return below + (equal - 1) / 2


def agreement(predicted: Mapping[str, float], measured: Mapping[str, float]) -> str:
    """Of the modules that have a prediction."""
    names = [name for name in predicted if name in measured]
    p, m = (np.array([found[name] for name in names]) for found in (predicted, measured))
    spearman = np.corrcoef(ranks(p), ranks(m))[0, 1]
    misplaced = np.abs(p / p.sum() - m / m.sum()).sum() / 2
    return f"rank {spearman:.3f}, misplaced {misplaced:.2f}, time x{p.sum() / m.sum():.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=NETS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--measured", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    machine = measured_machine() if options.measured else DEFAULT
    plain = replace(machine, efficiency=(), cache_bandwidth=machine.bandwidth)
    print(f"torch {torch.__version__}, {options.threads} thread(s), {options.rounds} rounds")
    print(machine)
    for name in options.nets:
        spec = models.spec_of(name)
        shape = (spec.in_channels, spec.input_side, spec.input_side)
        torch.manual_seed(0)
        net = models.build(name)
        images = torch.randn(2, *shape)
        with torch.no_grad():
            net(images)  # in training mode once: batch norm's averages keep activations near 1
        measured = measured_seconds(net.eval(), images[:1], options.rounds)
        for what, roofline in (("plain", plain), ("doctor", machine)):
            told = agreement(predicted_seconds(net, shape, roofline), measured)
            print(f"{name} ({1e3 * sum(measured.values()):.1f} ms) {what}: {told}")


if __name__ == "__main__":
    main()
