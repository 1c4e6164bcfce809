"""Predicted inference memory beside what torch's CPU allocator reports, and the ratio.

Run: python benchmarks/inference_memory.py [--batch 1] [--threads 2] [nets ...]

Measured with torch's profiler: the largest sum of what was allocated and not yet freed during one
forward in inference mode, and the images, which the caller holds. More than one thread: with one,
torch computes small 3x3 convolutions through a copy of their windows, which is not modelled.
"""

import argparse
import statistics

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


def predicted(report: CostReport) -> int:
    return report.peak_memory_bytes - report.weight_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=NETS)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    errors = []
    for name in options.nets:
        spec = models.spec_of(name)
        shape = (spec.in_channels, spec.input_side, spec.input_side)
        net = models.build(name).eval()
        report = cost(net, shape, batch=options.batch)
        peak = measured_peak(net, torch.randn(options.batch, *shape))
        ratio = predicted(report) / peak
        errors.append(abs(ratio - 1))
        print(
            f"{name:26} predicted {predicted(report) / 1e6:8.3f} MB  measured {peak / 1e6:8.3f} MB"
            f"  ratio {ratio:.3f}  peak at {report.peak_layer}",
            flush=True,
        )
    print(
        f"{len(errors)} nets: largest error {100 * max(errors):.1f} %, "
        f"median {100 * statistics.median(errors):.1f} %"
    )


if __name__ == "__main__":
    main()
