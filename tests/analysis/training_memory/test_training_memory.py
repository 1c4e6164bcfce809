import re

import pytest
import torch
from torch import nn

from convatlas import analysis, models
from convatlas.analysis._convolution import channel_block
from convatlas.analysis.training_memory import (
    OPTIMIZERS,
    Conditions,
    hand_sum,
    largest_batch,
    training_memory,
)
from convatlas.errors import UserError
from tests.analysis.training_memory.measure import instrument

BATCH = 16  # torch computes so many images the same on any number of threads


class Wide(nn.Module):
    """More weights than maps: the optimizer's step is the peak."""

    def __init__(self):
        super().__init__()
        self.conv, self.first, self.second = nn.Conv2d(3, 4, 3), nn.Linear(3600, 300), None
        self.second = nn.Linear(300, 200)

    def forward(self, x):
        return self.second(self.first(self.conv(x).flatten(1)))


@pytest.mark.parametrize("step", ["fused", "loop", "foreach"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers(optimizer, step):
    conditions = Conditions(channels_last=False, step=step)
    asked = {"batch": 2, "optimizer": optimizer, "conditions": conditions}
    predicted = training_memory(Wide(), (3, 32, 32), **asked).peak_bytes
    measured = instrument.measured_peak(Wide(), (3, 32, 32), **asked)
    assert predicted == pytest.approx(measured, rel=0.01)


def test_small_net_with_shortcuts():
    net = models.build("resnet8_small")
    shape = (models.spec_of("resnet8_small").in_channels, 32, 32)
    predicted = training_memory(net, shape, batch=BATCH, optimizer="momentum")
    measured = instrument.measured_peak(
        net, shape, batch=BATCH, optimizer="momentum", conditions=predicted.conditions
    )
    assert predicted.peak_bytes == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize("memory_efficient", [False, True])
def test_dense_net(memory_efficient):
    net = models.build(
        "densenet_40_k12", depths=(3, 3, 3), growth_rate=16, memory_efficient=memory_efficient
    )
    predicted = training_memory(net, (3, 32, 32), batch=BATCH, optimizer="sgd")
    asked = {"batch": BATCH, "conditions": predicted.conditions}
    saved = instrument.saved_bytes(net, (3, 32, 32), **asked)
    measured = instrument.measured_peak(net, (3, 32, 32), optimizer="sgd", **asked)
    assert predicted.saved_bytes == pytest.approx(saved, rel=0.002)
    assert predicted.peak_bytes == pytest.approx(measured, rel=0.03)


def test_dense_net_grows_with_the_square_of_its_depth_unless_it_recomputes():
    saved = {}
    for switch in (False, True):
        for depth in (10, 20, 40):
            with analysis.without_weights():
                net = models.build("densenet_40_k12", depths=(depth,) * 3, memory_efficient=switch)
            saved[switch, depth] = training_memory(net, (3, 32, 32), batch=8).saved_bytes
    assert saved[False, 40] / saved[False, 20] > 3.5
    assert saved[True, 40] / saved[True, 20] < 2.1


def test_half_precision_and_average():
    net = models.build("resnet8_small")
    shape = (models.spec_of("resnet8_small").in_channels, 32, 32)
    full = training_memory(net, shape, batch=BATCH)
    cast = training_memory(net, shape, batch=BATCH, autocast="bfloat16")
    half = training_memory(net, shape, batch=BATCH, dtype="bfloat16")
    averaged = training_memory(net, shape, batch=BATCH, ema=True)
    assert half.weights_bytes == full.weights_bytes // 2
    assert half.saved_bytes < cast.saved_bytes < 0.6 * full.saved_bytes
    assert cast.weights_bytes == full.weights_bytes
    assert averaged.ema_bytes == full.weights_bytes + full.buffer_bytes
    assert averaged.peak_bytes - full.peak_bytes == averaged.ema_bytes


@pytest.mark.skipif(
    channel_block() < 16, reason="without AVX-512, torch computes bfloat16 by turns"
)
def test_autocast_measured():
    net = models.build("resnet8_small")
    shape = (models.spec_of("resnet8_small").in_channels, 32, 32)
    cast = training_memory(net, shape, batch=BATCH, autocast="bfloat16")
    measured = instrument.measured_peak(
        net,
        shape,
        batch=BATCH,
        optimizer="sgd",
        conditions=cast.conditions,
        autocast=torch.bfloat16,
    )
    assert cast.peak_bytes == pytest.approx(measured, rel=0.05)


def test_auxiliary_heads_are_trained():
    with analysis.without_weights():
        net = models.build("googlenet")
    layers = dict(training_memory(net, (3, 224, 224), batch=2).layers)
    assert any(name.startswith("aux.") for name in layers)


def test_largest_batch_is_exact():
    with analysis.without_weights():
        net = models.build("mobilenet_v2")
    found = largest_batch(net, (3, 224, 224), budget_bytes=8 * 10**9, optimizer="adam")
    assert found.fits.peak_bytes <= 8 * 10**9 < found.one_more.peak_bytes
    assert found.one_more.batch == found.batch + 1
    again = training_memory(net, (3, 224, 224), batch=found.batch, optimizer="adam")
    assert again == found.fits


def test_not_even_one_image():
    with analysis.without_weights():
        net = models.build("vgg_d")
    found = largest_batch(net, (3, 224, 224), budget_bytes=10**9)
    assert (found.batch, found.fits, found.one_more.batch) == (0, None, 1)


def test_vgg16_by_hand():
    """Line for line the notes' figures, which are cut off or rounded."""
    with analysis.without_weights():
        net = models.build("vgg_d")
    lines = hand_sum(net, (3, 224, 224))
    mib, gib = 2**20, 2**30
    assert [line.printed for line in lines] == ["528 MB", "1.54 GB", "58.12 MB", "14.5 GB", "16 GB"]
    assert round(lines[0].by_hand_bytes / mib) == 528
    assert int(lines[1].by_hand_bytes / gib * 100) == 154
    assert int(lines[2].by_hand_bytes / mib * 100) == 5812
    assert round(lines[3].by_hand_bytes / gib, 1) == 14.5
    assert round(lines[4].by_hand_bytes / gib) == 16
    assert lines[4].real_bytes < lines[4].by_hand_bytes


def test_hand_sum_is_for_nets_of_its_layers():
    with analysis.without_weights():
        assert hand_sum(models.build("resnet18"), (3, 224, 224)) == ()


def test_layers_without_a_rule_are_named():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.conv(x).erfinv().flatten(1)

    assert training_memory(Odd(), (3, 8, 8), batch=2).unknown == ("erfinv",)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"batch": 0}, "batch=0 cannot be trained on. Use 1 to"),
        ({"dtype": "int8"}, "dtype='int8' is unknown. Use float32"),
        ({"optimizer": "lamb"}, "optimizer='lamb' is unknown. Use sgd, momentum"),
        ({"autocast": "fp8"}, "autocast='fp8' is unknown. Use None, bfloat16, float16"),
    ],
)
def test_what_cannot_be_asked(changes, told):
    with pytest.raises(UserError, match=re.escape(told)):
        training_memory(Wide(), (3, 32, 32), **{"batch": 1, **changes})


@pytest.fixture
def _two_threads():
    """With one thread torch takes other convolutions than the model is made for."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("asked", list(instrument.points()), ids=lambda p: f"{p[0]}-{p[3]}-{p[4]}")
def test_table(asked):
    """Every point of docs/training_memory.md."""
    found = instrument.point(*asked)
    assert found.predicted == pytest.approx(found.measured, rel=0.05)
