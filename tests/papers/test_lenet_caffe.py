"""Deep Compression's two nets for MNIST against its Tables 1, 2 and 3 and caffe's file."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.models import build
from convatlas.models.lenet_caffe import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}.{f.part}={f.printed}")
def test_printed_figure(fact):
    part = on_meta(fact.variant).get_submodule(fact.part)
    if fact.quantity == "size_bytes":
        measured = 4 * params(part)
    else:
        assert fact.quantity == "weights"
        measured = sum(p.numel() for p in part.parameters() if p.dim() > 1)
    assert compare(fact.printed, measured) in ("exact", "rounds")


def test_table_2():
    net = on_meta("lenet300_100")
    rows = [(row[0], row[3]) for row in stage_rows("lenet300_100")]
    assert rows == [("flatten", 0), ("ip1", 235_500), ("ip2", 30_100)]
    assert params(net.classifier) == 1_010
    assert params(net) == 266_610
    assert mult_adds("lenet300_100") == 784 * 300 + 300 * 100 + 100 * 10


def test_table_3():
    """LeCun's own has 6 and 16 maps; caffe's 24x24 maps are pooled to 12, its 8x8 to 4."""
    net = on_meta("lenet5_caffe")
    rows = stage_rows("lenet5_caffe")
    assert rows[:2] == [("conv1", 12, 20, 520), ("conv2", 4, 50, 25_050)]
    assert [(row[0], row[3]) for row in rows[2:]] == [("flatten", 0), ("ip1", 400_500)]
    assert params(net.classifier) == 5_010
    assert params(net) == 431_080
    assert mult_adds("lenet5_caffe") == 24**2 * 500 + 8**2 * 25_000 + 400_000 + 5_000


def test_no_relu_follows_the_convolutions():
    net = on_meta("lenet5_caffe")
    for stage in (net.stages.conv1, net.stages.conv2):
        assert [type(m) for m in stage] == [nn.Conv2d, nn.MaxPool2d]
    assert sum(isinstance(m, nn.ReLU) for m in net.modules()) == 1


def test_caffe_file_written_out():
    torch.manual_seed(0)
    net, image = build("lenet5_caffe"), torch.randn(3, 1, 28, 28)
    w = net.state_dict()

    def pooled(x: Tensor, layer: str) -> Tensor:
        x = F.conv2d(x, w[f"stages.{layer}.conv.weight"], w[f"stages.{layer}.conv.bias"])
        return F.max_pool2d(x, 2)

    x = pooled(pooled(image, "conv1"), "conv2").reshape(3, 800)
    x = (x @ w["stages.ip1.linear.weight"].T + w["stages.ip1.linear.bias"]).clamp(min=0)
    logits = x @ w["classifier.weight"].T + w["classifier.bias"]
    torch.testing.assert_close(net(image), logits, rtol=1e-4, atol=1e-5)


def test_caffes_filler():
    """U(-a, a), a = sqrt(3 / inputs)."""
    net = build("lenet300_100")
    weight = net.get_parameter("stages.ip1.linear.weight").abs().max().item()
    assert 0.99 * (3 / 784) ** 0.5 < weight <= (3 / 784) ** 0.5
    assert not net.get_parameter("stages.ip1.linear.bias").any()


def test_too_small_an_image_is_refused():
    assert on_meta("lenet5_caffe", input_side=13).stages.ip1.linear.in_features == 50
    with pytest.raises(UserError, match="input_side=12 is too small: use 13 or more"):
        on_meta("lenet5_caffe", input_side=12)
