"""Predicted inference memory beside what torch's CPU allocator reports, and the ratio.

Run: python benchmarks/inference_memory.py [--batch 1 4] [--threads 2] [--page FILE] [nets ...]

Measured with torch's profiler: the largest sum of what was allocated and not yet freed during one
forward in inference mode, and the images, which the caller holds. More than one thread: with one,
torch computes small 3x3 convolutions through a copy of their windows, which is not modelled.
"""

import argparse
import statistics
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from convatlas import models
from convatlas.analysis import CostReport, cost

NETS = (
    "lenet5", "alexnet", "vgg_d", "googlenet", "bn_inception", "inception_v3", "inception_v4",
    "inception_resnet_v2", "xception", "resnet50", "resnet20_cifar", "preresnet164_cifar",
    "resnext50_32x4d", "se_resnet50", "densenet121", "squeezenet_1_0", "squeezenext23v5",
    "mobilenet_v1", "mobilenet_v2", "shufflenet_v1_g3_x1_0", "shufflenet_v2_x1_0", "igcv3_d",
    "condensenet74_imagenet_g4", "efficientnet_b0", "nasnet_a_4_1056", "darknet19", "nin_imagenet",
)  # fmt: skip


class Row(NamedTuple):
    net: str
    batch: int
    predicted: int
    measured: int
    report: CostReport

    @property
    def ratio(self) -> float:
        return self.predicted / self.measured


def measured_peak(net: nn.Module, images: torch.Tensor) -> int:
    """Bytes of activations at the worst moment, the images included."""
    with torch.inference_mode():
        net(images)  # what is set up once is not counted
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
            result = net(images)
    live = peak = 0
    events = profiled.profiler.kineto_results.events()
    for event in sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    del result
    return peak + images.numel() * images.element_size()


def measure(name: str, batch: int) -> Row:
    spec = models.spec_of(name)
    shape = (spec.in_channels, spec.input_side, spec.input_side)
    net = models.build(name).eval()
    report = cost(net, shape, batch=batch)
    foreseen = report.peak_memory_bytes - report.weight_bytes
    return Row(name, batch, foreseen, measured_peak(net, torch.randn(batch, *shape)), report)


def page(rows: list[Row]) -> str:
    lines = [
        "# Predicted inference memory beside measured memory",
        "",
        "Made by `make memory`. Activations of one forward in torch's eager mode, images included,"
        " weights left out;",
        "measured is what torch's CPU allocator reports (its profiler), float32,"
        f" {torch.get_num_threads()} threads, torch {torch.__version__.partition('+')[0]}.",
        "",
        "| net | batch | predicted | measured | ratio | peak at |",
        "|---|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {row.net} | {row.batch} | {row.predicted / 1e6:.3f} MB | {row.measured / 1e6:.3f} MB "
        f"| {row.ratio:.3f} | {row.report.peak_layer} |"
        for row in rows
    ]
    errors = [abs(row.ratio - 1) for row in rows]
    within = sum(error <= 0.05 for error in errors)
    lines += [
        "",
        f"{within} of {len(rows)} within 5 %; largest error {100 * max(errors):.1f} %, median "
        f"{100 * statistics.median(errors):.1f} %.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=NETS)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--page", type=Path, help="write the table to this file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = [measure(name, batch) for name in options.nets for batch in options.batch]
    text = page(rows)
    if options.page is None:
        print(text)
    else:
        options.page.write_text(text)


if __name__ == "__main__":
    main()
