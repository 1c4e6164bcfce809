"""DarkNets against YOLO9000's Table 6, YOLOv3's Tables 1 and 2, and the authors' files."""

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.models.darknet import FAMILY, DarkUnit
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows, weighted_layers


@pytest.mark.parametrize(
    "fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.quantity}={f.printed}-{f.paper.key}"
)
def test_printed_figure_by_its_cause(fact):
    """Operations are twice the mult-adds, sizes are in MiB; the printed digits then agree."""
    if fact.quantity == "layers":
        assert compare(fact.printed, weighted_layers(on_meta(fact.variant))) == "exact"
    elif fact.quantity == "size_bytes":
        assert fact.verdict(4 * params(on_meta(fact.variant))) == "rounds"
    elif fact.printed == "18.7e9":
        assert compare(fact.printed, 2 * mult_adds("darknet53")) == "differs"
        assert compare(fact.printed, 2 * mult_adds("darknet53", classified="maps")) == "rounds"
    else:
        side = {"input_side": fact.input_side} if fact.input_side else {}
        assert compare(fact.printed, 2 * mult_adds(fact.variant, **side)) in ("rounds", "truncates")


TABLES = {
    #               params, mult-adds, (side, channels, params) of the stages after the stem
    "darknet_reference": (
        7_319_416,
        482_320_384,
        [(128, 32, 4_672), (64, 64, 18_560), (32, 128, 73_984), (16, 256, 295_424),
         (8, 512, 1_180_672), (4, 1024, 4_720_640)],
    ),
    "darknet_reference_224": (
        7_319_416,
        402_571_264,
        [(112, 32, 4_672), (56, 64, 18_560), (28, 128, 73_984), (14, 256, 295_424),
         (7, 512, 1_180_672), (4, 1024, 4_720_640)],
    ),
    "darknet_tiny": (
        1_042_104,
        491_524_096,
        [(112, 32, 4_672), (56, 128, 40_000), (28, 256, 160_896), (14, 128, 707_072)],
    ),
    "darknet19": (
        20_842_376,
        2_790_989_824,
        [(112, 64, 18_560), (56, 128, 156_288), (28, 256, 623_872), (14, 512, 3_805_184),
         (7, 1024, 15_212_544)],
    ),
    "darknet53": (
        41_609_928,
        9_285_115_904,
        [(128, 64, 39_232), (64, 128, 238_592), (32, 256, 2_923_008), (16, 512, 11_678_720),
         (8, 1024, 25_704_448)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("variant", TABLES)
def test_tables(variant):
    total_params, total_mult_adds, rows = TABLES[variant]
    assert [row[1:] for row in stage_rows(variant)] == rows
    assert params(on_meta(variant)) == total_params
    assert mult_adds(variant) == total_mult_adds


def kernels(layers: nn.Module) -> list[tuple[int, int]]:
    return [
        (m.out_channels, m.kernel_size[0]) for m in layers.modules() if isinstance(m, nn.Conv2d)
    ]


def test_table_6_alternates_3x3_and_1x1():
    stages = [kernels(stage) for stage in on_meta("darknet19").stages]
    assert stages[1:] == [
        [(128, 3), (64, 1), (128, 3)],
        [(256, 3), (128, 1), (256, 3)],
        [(512, 3), (256, 1), (512, 3), (256, 1), (512, 3)],
        [(1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3)],
    ]


def test_table_1_of_yolov3():
    net = on_meta("darknet53")
    units = [sum(name.startswith("unit") for name, _ in s.named_children()) for s in net.stages]
    assert units == [1, 2, 8, 8, 4]
    assert kernels(net.stages[0]) == [(64, 3), (32, 1), (64, 3)]
    assert [stage.conv1.conv.stride for stage in net.stages] == [(2, 2)] * 5
    assert not [m for m in net.modules() if isinstance(m, nn.MaxPool2d)]


def test_nothing_follows_the_sum_of_a_unit():
    """The classic mistake is an activation there, as in ResNet: sums of minus one would shrink."""
    unit = DarkUnit(4, 2, 0.1).eval()
    for parameter in unit.parameters():
        nn.init.zeros_(parameter)
    x = -torch.ones(1, 4, 2, 2)
    with torch.no_grad():
        assert torch.equal(unit(x), x)


@pytest.mark.parametrize(
    ("variant", "slope"), [("darknet19", 0.1), ("darknet53", 0.1), ("darknet53_timm", 0.01)]
)
def test_slopes(variant, slope):
    leaky = [m for m in on_meta(variant).modules() if isinstance(m, nn.LeakyReLU)]
    assert len(leaky) == weighted_layers(on_meta(variant)) - 1
    assert {m.negative_slope for m in leaky} == {slope}


@pytest.mark.parametrize(
    ("variant", "pool", "classifier"),
    [
        ("darknet_reference", nn.AdaptiveAvgPool2d, ["Flatten", "Linear"]),
        (
            "darknet_reference_224",
            nn.Identity,
            ["Conv2d", "LeakyReLU", "AdaptiveAvgPool2d", "Flatten"],
        ),
        ("darknet_tiny", nn.Identity, ["Conv2d", "AdaptiveAvgPool2d", "Flatten"]),
        ("darknet19", nn.Identity, ["Conv2d", "AdaptiveAvgPool2d", "Flatten"]),
        ("darknet53", nn.AdaptiveAvgPool2d, ["Flatten", "Linear"]),
    ],
)
def test_what_the_last_layer_reads(variant, pool, classifier):
    net = on_meta(variant)
    assert type(net.pool) is pool
    assert [type(m).__name__ for m in net.classifier] == classifier
    assert net.classifier.logits.bias is not None


@pytest.mark.parametrize(
    ("variant", "least"), [("darknet_reference", 64), ("darknet_tiny", 16), ("darknet53", 32)]
)
def test_too_small_an_image_is_refused(variant, least):
    on_meta(variant, input_side=least)
    with pytest.raises(UserError, match=f"input_side={least - 1} is too small for .* use {least}"):
        on_meta(variant, input_side=least - 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classified": "all"}, "classified='all' is unknown. Use 'maps' or 'average'."),
        ({"downsampling": "none"}, "downsampling='none' is unknown. Use 'pool' or 'stride'."),
        ({"units": (1, 2)}, r"units=\(1, 2\) does not fit 6 stages: use one count for each."),
    ],
)
def test_what_cannot_be_built(changes, message):
    with pytest.raises(UserError, match=message):
        on_meta("darknet53", **changes)
