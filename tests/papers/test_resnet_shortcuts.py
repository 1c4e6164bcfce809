"""He et al. 2016b, Fig. 2 and Table 1: what may stand on the shortcuts of 110 layers."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas import models
from convatlas.analysis import without_weights
from convatlas.errors import UserError
from convatlas.models.resnet_shortcuts import FAMILY
from tests.papers.stage_table import params, weighted_layers
from tests.peers.peer import randomise, relative_difference

PLAIN = 1_727_962  # parameters of 110 layers
# A 1x1 in each of 54 units from what comes in to what goes out: 18 of 16 to 16, 16 to 32, ...
PROJECTED = 18 * 16 * 16 + 16 * 32 + 17 * 32 * 32 + 32 * 64 + 17 * 64 * 64
CHANNELS = 18 * (16 + 32 + 64)  # of all units' outputs

# Table 1: on the shortcut, on the branch, parameters more than with identity shortcuts.
TABLE_1 = {
    "resnet110_shortcut_scaled_cifar": ("0.5", "1", 0),
    "resnet110_frozen_gates_cifar": ("0.5", "0.5", 0),
    "resnet110_exclusive_gates_cifar": ("1 - g", "g", PROJECTED + CHANNELS),  # with bias
    "resnet110_shortcut_gated_cifar": ("1 - g", "1", PROJECTED + CHANNELS),
    "resnet110_shortcut_conv_cifar": ("1x1", "1", PROJECTED + 2 * CHANNELS),  # with batch norm
    "resnet110_shortcut_dropout_cifar": ("dropout", "1", 0),
}


@pytest.mark.parametrize("name", TABLE_1)
def test_table_1(name: str):
    with without_weights():
        net = models.build(name)
    assert params(net) == PLAIN + TABLE_1[name][2]
    assert [len(stage) for stage in net.stages] == [18, 18, 18]
    gates = sum("gate" in path and isinstance(m, nn.Conv2d) for path, m in net.named_modules())
    assert gates == (54 if TABLE_1[name][0] == "1 - g" else 0)
    assert weighted_layers(net) - gates == 110
    for fact in FAMILY.facts:
        if fact.variant == name:
            assert fact.verdict(110) == "exact"


@pytest.mark.parametrize("name", TABLE_1)
def test_both_paths_by_their_equations(name: str):
    torch.manual_seed(0)
    net, images = models.build(name, units_per_stage=2), torch.randn(2, 3, 16, 16)
    randomise(net)
    for path, tensor in net.named_parameters():
        if path.endswith("gate.weights.bias"):
            nn.init.normal_(tensor)
    on_shortcut, on_branch, _ = TABLE_1[name]
    logits = reference(net.eval(), images, on_shortcut, on_branch)
    with torch.no_grad():
        assert relative_difference(logits, net(images)) <= 1e-4


def reference(net: nn.Module, images: Tensor, on_shortcut: str, on_branch: str) -> Tensor:
    """Table 1's columns, on our net's tensors."""
    state = net.state_dict()

    def norm(path: str, x: Tensor) -> Tensor:
        names = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(state[f"{path}.norm.{name}"] for name in names))

    def conv(path: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = state[f"{path}.conv.weight"]
        return norm(path, F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2))

    x = conv("stem", images).relu()
    for stage, index in ((s, i) for s in (1, 2, 3) for i in (0, 1)):
        path, stride = f"stages.stage{stage}.{index}", 2 if stage > 1 and index == 0 else 1
        f = conv(f"{path}.second", conv(f"{path}.first", x, stride).relu())
        s = F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, f.shape[1] - x.shape[1]))
        g = torch.ones(())
        if on_shortcut == "1 - g":
            weight, bias = (state[f"{path}.gate.weights.{name}"] for name in ("weight", "bias"))
            g = torch.sigmoid(F.conv2d(x, weight, bias, stride=stride))
        if on_shortcut == "1x1":
            s = conv(f"{path}.shortcut", x, stride)
        weights = {"0.5": 0.5, "1 - g": 1 - g, "1x1": 1, "dropout": 1, "1": 1, "g": g}
        x = (weights[on_branch] * f + weights[on_shortcut] * s).relu()
    return x.mean((2, 3)) @ state["classifier.weight"].T + state["classifier.bias"]


def test_a_shortcut_times_0_is_a_plain_net():
    """Table 1's second row."""
    torch.manual_seed(0)
    ours = models.build("resnet110_shortcut_scaled_cifar", shortcut_scale=0.0, units_per_stage=2)
    plain = models.build("plain110_cifar", units_per_stage=2)
    plain.load_state_dict(ours.state_dict(), strict=True)
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(ours.eval()(images), plain.eval()(images))


def test_identity_shortcuts_are_the_original():
    """Table 1's first row."""
    torch.manual_seed(0)
    ours = models.build(
        "resnet110_frozen_gates_cifar", shortcut_scale=1.0, branch_scale=1.0, units_per_stage=2
    )
    original = models.build("resnet110_cifar", units_per_stage=2)
    original.load_state_dict(ours.state_dict(), strict=True)
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(ours.eval()(images), original.eval()(images))


def test_gates_start_from_their_bias():
    net = models.build("resnet110_exclusive_gates_cifar", gate_bias=-7.0, units_per_stage=1)
    assert [float(stage[0].gate.weights.bias.detach().mean()) for stage in net.stages] == [-7] * 3
    assert models.spec_of("resnet110_shortcut_gated_cifar").gate_bias == -6


def test_dropout_is_on_the_shortcut_and_in_training_only():
    torch.manual_seed(0)
    net = models.build("resnet110_shortcut_dropout_cifar", units_per_stage=1).train()
    (unit,) = net.stages.stage1
    x = torch.rand(4, 16, 8, 8) + 1
    f = {}
    unit.second.register_forward_hook(lambda m, i, out: f.update(out=out.detach().clone()))
    shortcut = unit(x) - f["out"]  # 0 or 2 x, where the ReLU does not cut
    dropped = (unit(x) > 0) & torch.isclose(unit.on_shortcut(x), torch.zeros(()))
    assert 0.1 < float(dropped.float().mean()) < 0.4
    passed = f["out"] + 2 * x > 0
    doubled = torch.isclose(shortcut, 2 * x, atol=1e-4) & passed
    assert 0.3 < float(doubled.float().mean()) < 0.6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shortcut": "maxout"}, "shortcut='maxout' is unknown. Use 'identity', 'conv', "),
        ({"dropout": 1.0}, "dropout=1.0; it must be 0 or more, and below 1"),
        ({"shortcut": "exclusive gate"}, "weights both paths itself. Use 1."),
    ],
)
def test_what_cannot_be_built(changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        models.build("resnet110_frozen_gates_cifar", **changes)
