"""Huang et al. 2018: Tables 1, 2 and 4, learned groups of Sec. 3, and the two forms of a net."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.analysis import cost
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import LearnedGroupConv
from convatlas.models.condensenet import FAMILY, condense
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

# layers per block, growth rates, params, operations as the authors' code counts them (millions)
TABLE = {
    "condensenet50": ((8,) * 3, (8, 16, 32), 216_506, "28.64"),
    "condensenet74": ((12,) * 3, (8, 16, 32), 405_466, "51.90"),
    "condensenet86": ((14,) * 3, (8, 16, 32), 520_202, "65.82"),
    "condensenet98": ((16,) * 3, (8, 16, 32), 648_442, "81.26"),
    "condensenet110": ((18,) * 3, (8, 16, 32), 790_186, "98.24"),
    "condensenet122": ((20,) * 3, (8, 16, 32), 945_434, "116.74"),
    "condensenet182": ((30,) * 3, (12, 24, 48), 4_221_946, "512.67"),
    "condensenet_light94": ((15,) * 3, (16,) * 3, 330_506, "121.93"),
    "condensenet_light160": ((26,) * 3, (32,) * 3, 3_146_890, None),
    "condensenet74_imagenet_g4": ((4, 6, 8, 10, 8), (8, 16, 32, 64, 128), 4_773_944, "529.33"),
    "condensenet74_imagenet_g8": ((4, 6, 8, 10, 8), (8, 16, 32, 64, 128), 2_935_416, "274.23"),
}


@pytest.mark.parametrize("name", TABLE)
def test_printed_nets(name: str):
    depths, rates, total, operations = TABLE[name]
    spec = models.spec_of(name)
    assert (spec.depths, spec.growth_rates) == (depths, rates)
    assert params(on_meta(f"{name}_condensed")) == total
    if operations is not None:
        shape = (3, spec.input_side, spec.input_side)
        for form in (name, f"{name}_condensed"):
            counted = cost(on_meta(form), shape, convention="condensenet").mult_adds
            assert compare(f"{operations}e6", counted) == "rounds"


def test_stages_of_imagenet_74():
    """Table 3: no pooling stem, sides 112 to 7, everything before goes into every block."""
    rows = stage_rows("condensenet74_imagenet_g4_condensed")
    assert [row[1] for row in rows if row[0].startswith("block")] == [112, 56, 28, 14, 7]
    expected, channels = [], 16
    for depth, rate in zip((4, 6, 8, 10, 8), (8, 16, 32, 64, 128), strict=True):
        channels += depth * rate
        expected.append(channels)
    assert [row[2] for row in rows if row[0].startswith("block")] == expected
    assert channels == 2064
    assert on_meta("condensenet74_imagenet_g4_condensed").classifier.conv.in_channels == 1032


def test_params_per_block_of_86():
    """Fig. 1 in numbers: what is left of a 1x1 is a quarter, norms stay with what is read."""
    expected, channels = [], 16
    for rate in (8, 16, 32):
        total = 0
        for _ in range(14):
            wide = 4 * rate
            total += 2 * channels + channels * wide // 4 + 2 * wide + 9 * wide * rate // 4
            channels += rate
        expected.append(total)
    rows = stage_rows("condensenet86_condensed")
    assert [row[3] for row in rows if row[0].startswith("block")] == expected


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.quantity}")
def test_printed_figure(fact):
    measured = (
        params(on_meta(fact.variant))
        if fact.quantity == "params"
        else cost(
            on_meta(fact.variant),
            (3, models.spec_of(fact.variant).input_side, models.spec_of(fact.variant).input_side),
            convention="condensenet",
        ).mult_adds
    )
    assert (compare(fact.printed, measured) == "differs") == bool(fact.because)


def test_the_form_that_trains_is_dense():
    dense, runs = mult_adds("condensenet86"), mult_adds("condensenet86_condensed")
    assert dense > 2 * runs


CHEAP = {"depths": (2, 2), "growth_rates": (8, 16), "input_side": 8}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("condensenet86", {}),
        ("condensenet_light94", {"growth_rates": (16, 16)}),
        ("condensenet74_imagenet_g4", {"num_classes": 10}),
        ("condensenet86", {"groups": 8, "condensation": 4}),
        ("condensenet86", {"groups": 2, "condensation": 8}),
    ],
)
@pytest.mark.parametrize("progress", [0.0, 0.2, 1.0])
def test_conversion_gives_equal_outputs(name: str, changes: dict[str, object], progress: float):
    """At the end of training, in the middle of it, and of a net that never trained."""
    torch.manual_seed(0)
    net = models.build(name, **{**CHEAP, **changes}).eval()
    lively(net)
    advance(net, progress)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    runs = condense(net)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    advance(net, 1.0)
    images = torch.randn(3, 3, 8, 8)
    with torch.no_grad():
        a, b = net(images), runs.eval()(images)
    assert float((a - b).abs().max()) <= 1e-5 * float(a.abs().max())
    assert params(runs) < params(net)


def test_condensing_changes_the_outputs():
    """The comparison above can fail."""
    torch.manual_seed(0)
    net = lively(models.build("condensenet86", **CHEAP).eval())
    images = torch.randn(3, 3, 8, 8)
    with torch.no_grad():
        dense = net(images)
        advance(net, 1.0)
        assert float((dense - net(images)).abs().max()) > 0.01 * float(dense.abs().max())


def test_condensing_stages():
    """C = 4: three stages in the first half; each group gives up its weakest quarter."""
    torch.manual_seed(0)
    conv = LearnedGroupConv(16, 8, groups=2, condensation=4)
    read = []
    for progress in (0, 0.16, 0.17, 0.33, 0.34, 0.49, 0.5, 1):
        conv.advance(progress)
        read.append(conv.mask.sum(1).tolist())
    assert [r[0] for r in read] == [16, 16, 12, 12, 8, 8, 4, 4]
    assert all(a == b for a, b in read)
    strength = conv.weight.detach().abs().view(4, 2, 16).sum(0)
    assert torch.equal(conv.kept(), strength.topk(4, dim=1).indices.sort().values)
    assert conv.mask[0].tolist() != conv.mask[1].tolist()
    assert float(conv.penalty()) == 0


def test_filters_of_a_group_are_every_gth():
    conv = LearnedGroupConv(4, 6, groups=3, condensation=2)
    with torch.no_grad():
        conv.weight.fill_(1)
        conv.weight[1::3, 2:] = 5
    conv.advance(1.0)
    assert conv.mask.tolist() == [[False, False, True, True]] * 3
    dense = conv.dense_weight()[:, :, 0, 0]
    assert torch.equal(dense[1::3, 2:], torch.full((2, 2), 5.0))
    assert not dense[:, :2].any()


def test_group_lasso_by_hand():
    conv = LearnedGroupConv(2, 4, groups=2, condensation=2)
    with torch.no_grad():
        conv.weight[:, :, 0, 0] = torch.tensor([[3.0, 1], [0, 2], [4, 0], [0, 2]])
    # group 0: filters 0 and 2, roots 5 and 1; group 1: filters 1 and 3, 0 (kept off) and root 8
    assert float(conv.penalty().detach()) == pytest.approx(5 + 1 + 1e-3 + 8**0.5)
    conv.penalty().backward()
    assert conv.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"growth_rates": (8, 16)}, "differ in length"),
        ({"input_side": 3}, "input_side=3 is too small for 3 blocks"),
        ({"condensation": 5}, "condensation=5 does not divide 16 channels"),
        ({"groups": 3}, "groups=3 does not divide 32 channels"),
    ],
)
def test_what_cannot_be_built(changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        models.build("condensenet86", **changes)


def test_condensing_twice_is_refused():
    net = models.build("condensenet86", **CHEAP)
    with pytest.raises(UserError, match="condensed already"):
        condense(condense(net))


def advance(net: nn.Module, progress: float) -> None:
    for module in net.modules():
        if isinstance(module, LearnedGroupConv):
            module.advance(progress)


def lively(net: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.uniform_(module.bias, -0.3, 0.3, generator=generator)
    return net
