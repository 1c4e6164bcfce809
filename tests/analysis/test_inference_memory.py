"""Predicted inference memory against what torch's allocator reports."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from convatlas import models
from convatlas.analysis import cost

SMALL = ["lenet5", "resnet20_cifar", "densenet_bc_22_small", "shufflenet_v2_small"]
MAIN = [
    "alexnet", "bn_inception", "condensenet74_imagenet_g4", "darknet19", "densenet121",
    "efficientnet_b0", "googlenet", "igcv3_d", "inception_v3", "mobilenet_v1", "mobilenet_v2",
    "nasnet_a_4_1056", "nin_imagenet", "preresnet164_cifar", "resnet50", "resnext50_32x4d",
    "se_resnet50", "shufflenet_v1_g3_x1_0", "shufflenet_v2_x1_0", "squeezenet_1_0",
    "squeezenext23v5", "vgg_d", "xception",
]  # fmt: skip


@pytest.fixture
def two_threads():
    """With one, torch computes 1x1 convolutions of a single image without oneDNN."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def measured(name: str, batch: int) -> tuple[int, int]:
    """Bytes of activations at the worst moment, images included: predicted and reported."""
    spec = models.spec_of(name)
    shape = (spec.in_channels, spec.input_side, spec.input_side)
    net, images = models.build(name).eval(), torch.randn(batch, *shape)
    with torch.inference_mode():
        net(images)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
            result = net(images)
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    assert live >= result.nbytes
    report = cost(net, shape, batch=batch)
    return report.peak_memory_bytes - report.weight_bytes, peak + images.nbytes


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", SMALL)
def test_small_nets(name, batch):
    predicted, reported = measured(name, batch)
    assert predicted == pytest.approx(reported, rel=0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", MAIN)
def test_main_nets(name, batch):
    predicted, reported = measured(name, batch)
    assert predicted == pytest.approx(reported, rel=0.05)
