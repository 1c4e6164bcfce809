"""Network in Network against its authors' definition files."""

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.models import build
from convatlas.models.nin import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows, weighted_layers


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.quantity}")
def test_printed_figure(fact):
    size = 4 * params(on_meta(fact.variant))
    assert (compare(fact.printed, size) == "differs") == bool(fact.because)
    assert compare("29", size / 2**20) == "rounds"  # the cause that is named


FILES = {
    #               params, mult-adds, rows of (side, channels, params) after each block
    "nin_cifar10": (966_986, 222_486_528, [(16, 96, 60_928), (8, 192, 535_104), (8, 192, 369_024)]),
    "nin_cifar10_caffe": (
        966_986,
        222_486_528,
        [(16, 96, 60_928), (8, 192, 535_104), (8, 192, 369_024)],
    ),
    "nin_cifar100": (
        984_356,
        223_592_448,
        [(16, 96, 60_928), (8, 192, 535_104), (8, 192, 369_024)],
    ),
    "nin_svhn": (
        1_986_026,
        274_235_392,
        [(16, 64, 28_320), (8, 128, 627_392), (8, 256, 1_327_744)],
    ),
    "nin_mnist": (349_674, 50_699_712, [(14, 48, 11_824), (7, 48, 170_768), (7, 96, 166_112)]),
    "nin_imagenet": (
        7_595_176,
        1_100_188_800,
        [(27, 96, 53_568), (13, 256, 746_240), (6, 384, 1_180_800), (6, 1024, 4_589_568)],
    ),
}


@pytest.mark.parametrize("variant", FILES)
def test_layers_of_the_files(variant):
    total_params, total_mult_adds, rows = FILES[variant]
    net = on_meta(variant)
    side = 224 if variant == "nin_imagenet" else 28 if variant == "nin_mnist" else 32
    image = torch.empty(1, net.stem.conv.in_channels, side, side, device="meta")
    stem = (net.stem(image).shape[-1], net.stem(image).shape[1], params(net.stem))
    assert [stem, *(row[1:] for row in stage_rows(variant))] == rows
    assert params(net) == total_params
    assert mult_adds(variant) == total_mult_adds
    assert weighted_layers(net) == 3 * len(rows)


def test_first_map_of_imagenet_is_54():
    """Without padding; AlexNet's 55 come from 227 pixels."""
    net = on_meta("nin_imagenet")
    image = torch.empty(1, 3, 224, 224, device="meta")
    assert net.stem.conv(image).shape[-1] == 54


def test_where_dropout_and_pools_stand():
    kinds = {
        variant: [
            name for block in (net.stem, *net.stages) for name, _ in block.named_children()
            if name in ("pool", "dropout")
        ]
        for variant in FAMILY.variants
        for net in [on_meta(variant)]
    }  # fmt: skip
    assert kinds.pop("nin_imagenet") == ["pool", "pool", "pool", "dropout"]
    assert set(map(tuple, kinds.values())) == {("pool", "dropout", "pool", "dropout")}
    averaging = {
        variant: [type(m).__name__ for m in on_meta(variant).modules() if "Pool2d" in str(type(m))]
        for variant in ("nin_cifar10", "nin_cifar10_caffe")
    }
    assert averaging["nin_cifar10"] == ["MaxPool2d", "MaxPool2d", "AdaptiveAvgPool2d"]
    assert averaging["nin_cifar10_caffe"] == ["MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"]


def test_even_the_maps_of_the_logits_are_rectified():
    net = on_meta("nin_cifar10")
    assert [type(m) for m in net.classifier] == [nn.Conv2d, nn.ReLU]
    torch.manual_seed(0)
    logits = build("nin_cifar10", width_multiplier=0.25).eval()(torch.randn(4, 3, 32, 32))
    assert logits.min() >= 0 < logits.max()


@pytest.mark.parametrize(
    ("variant", "stds"),
    [
        ("nin_cifar10", {"stem.conv": 0.05, "stages.block2.conv": 0.05, "classifier.cccp": 0.05}),
        ("nin_cifar100", {"stem.conv": 0.001, "stem.cccp2": 0.01, "stages.block2.conv": 0.05}),
        (
            "nin_imagenet",
            {"stem.conv": 0.01, "stem.cccp1": 0.05, "stages.block3.conv": 0.01,
             "stages.block4.conv": 0.05, "classifier.cccp": 0.01},
        ),
    ],
)  # fmt: skip
def test_initial_weights(variant, stds):
    torch.manual_seed(0)
    net = build(variant)
    for layer, std in stds.items():
        assert net.get_parameter(f"{layer}.weight").std().item() == pytest.approx(std, rel=0.05)
        assert not net.get_parameter(f"{layer}.bias").any()


@pytest.mark.parametrize(("variant", "least"), [("nin_cifar10", 4), ("nin_imagenet", 39)])
def test_too_small_an_image_is_refused(variant, least):
    net = on_meta(variant, input_side=least)
    assert net(torch.empty(1, 3, least, least, device="meta")).shape[0] == 1
    with pytest.raises(UserError, match=f"input_side={least - 1} is too small: use {least} or"):
        on_meta(variant, input_side=least - 1)


def test_what_cannot_be_built():
    with pytest.raises(UserError, match="3 blocks and 2 kernel_sizes do not make a net"):
        on_meta("nin_cifar10", kernel_sizes=(5, 5))
