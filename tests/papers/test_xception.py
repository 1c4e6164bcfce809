"""Chollet 2017: Fig. 5, Table 3, and the forms of Figs. 4, 9 and 10."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.models.xception import FAMILY
from tests.papers.output_shapes import size_of
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows


def separable(before: int, after: int) -> int:
    """A 3x3 per channel, a 1x1, and batch norm."""
    return 9 * before + before * after + 2 * after


def projection(before: int, after: int) -> int:
    return before * after + 2 * after


# Fig. 5:        side, channels, params
FIG_5 = {
    "entry1": (74, 128, separable(64, 128) + separable(128, 128) + projection(64, 128)),
    "entry2": (37, 256, separable(128, 256) + separable(256, 256) + projection(128, 256)),
    "entry3": (19, 728, separable(256, 728) + separable(728, 728) + projection(256, 728)),
    "middle": (19, 728, 8 * 3 * separable(728, 728)),
    "exit": (
        10,
        2048,
        separable(728, 728)
        + separable(728, 1024)
        + projection(728, 1024)
        + separable(1024, 1536)
        + separable(1536, 2048),
    ),
}


def test_fig_5():
    assert stage_rows("xception") == [(stage, *row) for stage, row in FIG_5.items()]
    net = on_meta("xception")
    assert [layer.conv.weight.shape for layer in net.stem] == [(32, 3, 3, 3), (64, 32, 3, 3)]
    assert params(net.stem) == 864 + 64 + 18_432 + 128
    assert params(net.classifier) == 2_049_000
    assert params(net) == 22_855_952
    assert round(mult_adds("xception") / 1e6) == 8_357


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.part}{f.quantity}={f.printed}")
def test_printed_figure(fact):
    net = on_meta(fact.variant)
    if fact.quantity == "params":
        assert compare(fact.printed, params(net)) == "exact"
    elif fact.part:
        assert str(size_of(fact)) == fact.printed
    else:  # Sec. 3: a separable convolution is one layer
        filters = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
        assert len(filters) == int(fact.printed)


def test_14_modules_of_which_12_have_a_shortcut():
    """Sec. 3: all but the first, the stem, and the last, the two separable convolutions."""
    found = modules(on_meta("xception"))
    assert len(found) == 12
    projected = [module for module in found if params(module.shortcut)]
    assert projected == [*found[:3], found[-1]]
    assert all(module.shortcut.conv.stride == (2, 2) for module in projected)


def test_nothing_stands_between_the_two_of_a_separable_convolution():
    """The classic mistake: MobileNet has batch norm and ReLU there."""
    for module in modules(on_meta("xception")):
        names = [name for name, _ in module.body.named_children()]
        assert [name.rstrip("0123456789") for name in names if name != "relu1"] in (
            ["separable", "norm", "relu", "separable", "norm", "pool"],
            ["separable", "norm", "relu", "separable", "norm", "relu", "separable", "norm"],
        )
        for name in names:
            if name.startswith("separable"):
                layers = list(module.body.get_submodule(name).children())
                assert [type(layer) for layer in layers] == [nn.Conv2d, nn.Conv2d]
    assert "relu1" not in on_meta("xception").stages.entry1.body._modules


def test_without_residual_connections():
    """Fig. 9's net: nothing but the projections goes away."""
    plain = on_meta("xception_no_residual")
    gone = sum(projection(*pair) for pair in ((64, 128), (128, 256), (256, 728), (728, 1024)))
    assert params(on_meta("xception")) - params(plain) == gone
    assert all(module.shortcut is None for module in modules(plain))


@pytest.mark.parametrize(
    ("name", "activation", "kernels"),
    [
        ("xception_relu_between", nn.ReLU, ((3, 3), (1, 1))),
        ("xception_elu_between", nn.ELU, ((3, 3), (1, 1))),
        ("xception_extreme", nn.ReLU, ((1, 1), (3, 3))),
    ],
)
def test_an_activation_between(name: str, activation: type, kernels: tuple):
    """Fig. 10's nets; and Fig. 4's module, which filters what the 1x1 made."""
    net = on_meta(name)
    triples = [m for m in net.modules() if [*m._modules] == ["first", "between", "second"]]
    assert len(triples) == 34
    for first, between, second in triples:
        assert isinstance(between, activation)
        assert (first.kernel_size, second.kernel_size) == kernels
    same = name != "xception_extreme"
    # 9 weights per channel filtered: all the channels out in place of all the channels in
    more = 0 if same else 9 * (2048 - 64)
    assert params(net) - params(on_meta("xception")) == more


def test_forms_are_different_functions():
    """Under the same weights; those without shortcuts have fewer."""
    torch.manual_seed(0)
    images, logits = torch.randn(2, 3, 64, 64), []
    state = None
    for name in ("xception", "xception_relu_between", "xception_elu_between"):
        net = models.build(name, width_multiplier=0.25, middle=1).eval()
        if state is None:
            state = list(net.state_dict().values())
        net.load_state_dict(dict(zip(net.state_dict(), state, strict=True)))
        with torch.no_grad():
            logits.append(net(images))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert float((logits[i] - logits[j]).abs().max()) > 1e-3 * float(logits[i].abs().max())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"between": "silu"}, "between='silu' is unknown. Use 'nothing', 'relu' or 'elu'."),
        ({"first": "5x5"}, "first='5x5' is unknown. Use '3x3' or '1x1'."),
        ({"input_side": 6}, "input_side=6 is too small .* Use 7 or more."),
    ],
)
def test_what_cannot_be_built(changes: dict, message: str):
    with pytest.raises(UserError, match=message):
        models.build("xception", **changes)


def test_the_least_side():
    assert [side for _, side, *_ in stage_rows("xception", input_side=7)] == [1] * 5


def modules(net: nn.Module) -> list[nn.Module]:
    return [module for module in net.modules() if hasattr(module, "body")]
