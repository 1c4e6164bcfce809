"""Seconds to count a net: `cost` against the profilers that count it right, and fvcore.

Run: python benchmarks/cost.py [--rounds 9] [--threads 1] [nets ...]

The nets are those that people have: torchvision's, pytorchcv's and timm's own modules, which
`cost` has never seen. Rounds are interleaved in random order; ratios are medians of the rounds'
ratios. `cost` gets the module on the CPU like the others. FlopCounterMode runs a forward, on the
CPU with weights and on the meta device without; the faster of the right ones counts against us.
calflops and fvcore take part when they are installed. Every count is compared with FlopCounterMode.
"""

import argparse
import logging
import random
import resource
import statistics
import warnings
from collections.abc import Callable
from time import perf_counter

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from convatlas.analysis import cost

_LIBRARY = torch.library.Library("torchvision", "DEF")  # torchvision's wheel looks for them
_LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

NETS = {
    "resnet50": ("torchvision", "resnet50", 224),
    "densenet201": ("torchvision", "densenet201", 224),
    "vgg16": ("torchvision", "vgg16", 224),
    "mobilenet_v2": ("torchvision", "mobilenet_v2", 224),
    "shufflenetv2": ("torchvision", "shufflenet_v2_x1_0", 224),
    "inception_v3": ("torchvision", "inception_v3", 299),
    "igcv3_w1": ("pytorchcv", "igcv3_w1", 224),
    "condense74": ("pytorchcv", "condensenet74_c4_g4", 224),
    "sqnxt23v5_w2": ("pytorchcv", "sqnxt23v5_w2", 224),
    "xception": ("pytorchcv", "xception", 299),
    "nasnetalarge": ("timm", "nasnetalarge", 331),
}
FAMILIES_OF_RIGHT = ("FlopCounterMode cpu", "FlopCounterMode meta", "calflops")


def build(library: str, name: str) -> nn.Module:
    if library == "torchvision":
        import torchvision

        return torchvision.models.get_model(name, weights=None, **_plain(name))
    if library == "timm":
        import timm

        return timm.create_model(name)
    from pytorchcv.model_provider import get_model

    return get_model(name)


def _plain(name: str) -> dict[str, bool]:
    return {"init_weights": False} if name == "inception_v3" else {}


def counted_by_torch(net: nn.Module, images: torch.Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(images)
    return counter.get_total_flops() // 2


def others(net: nn.Module, shape: tuple[int, int, int]) -> dict[str, Callable[[], int]]:
    images, found = torch.zeros(1, *shape), {}
    try:
        from calflops import calculate_flops
    except ImportError:
        pass
    else:
        found["calflops"] = lambda: calculate_flops(
            net, (1, *shape), print_results=False, print_detailed=False, output_as_string=False
        )[1]
    try:
        from fvcore.nn import FlopCountAnalysis
    except ImportError:
        pass
    else:
        logging.getLogger("fvcore").setLevel(logging.ERROR)
        found["fvcore"] = lambda: int(
            FlopCountAnalysis(net, images)
            .unsupported_ops_warnings(False)
            .uncalled_modules_warnings(False)
            .total()
        )
    return found


def contenders(name: str) -> dict[str, Callable[[], int]]:
    library, architecture, side = NETS[name]
    shape = (3, side, side)
    real = build(library, architecture).eval()
    with torch.device("meta"):
        bare = build(library, architecture).eval()
    images, ghosts = torch.zeros(1, *shape), torch.zeros(1, *shape, device="meta")
    return {
        "cost": lambda: cost(real, shape).mult_adds,
        "FlopCounterMode cpu": lambda: counted_by_torch(real, images),
        "FlopCounterMode meta": lambda: counted_by_torch(bare, ghosts),
        **others(real, shape),
    }


def seconds(run: Callable[[], int]) -> tuple[float, int]:
    start = perf_counter()
    counted = run()
    return perf_counter() - start, counted


def measure(name: str, rounds: int) -> dict[str, float]:
    """Ratio of each contender to `cost`, and of the fastest right one as "right"."""
    runs = contenders(name)
    taken: dict[str, list[float]] = {what: [] for what in runs}
    counts = {what: seconds(runs[what])[1] for what in runs}  # once without the clock
    right = [w for w in FAMILIES_OF_RIGHT if w in runs]
    for what in right:
        if counts[what] != counts["cost"]:
            raise SystemExit(f"{name}: {what} {counts[what]:,}, cost {counts['cost']:,}")
    for _ in range(rounds):
        for what in random.sample(list(runs), len(runs)):
            taken[what].append(seconds(runs[what])[0])
    ratios = {
        what: statistics.median(t / c for t, c in zip(taken[what], taken["cost"], strict=True))
        for what in runs
        if what != "cost"
    }
    fastest = [min(times) for times in zip(*(taken[what] for what in right), strict=True)]
    ratios["right"] = statistics.median(t / c for t, c in zip(fastest, taken["cost"], strict=True))
    shown = ", ".join(f"{what} {ratio:.1f}x" for what, ratio in ratios.items() if what != "right")
    print(
        f"{name}: {counts['cost']:,} in {statistics.median(taken['cost']) * 1e3:.1f} ms; {shown}; "
        f"the fastest right one takes {ratios['right']:.1f}x",
        flush=True,
    )
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=list(NETS))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} thread(s), {options.rounds} rounds")
    found = {name: measure(name, options.rounds) for name in options.nets}
    faster = sum(ratios["right"] > 1 for ratios in found.values())
    print(f"faster than the fastest right profiler on {faster} of {len(found)} nets")
    behind = [name for name, ratios in found.items() if ratios.get("fvcore", 2.0) <= 1]
    print(f"slower than fvcore on: {', '.join(behind) or 'none'}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory of this process, all contenders together: {peak / 1024:.0f} MB")


if __name__ == "__main__":
    main()
