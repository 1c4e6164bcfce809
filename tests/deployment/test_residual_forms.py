"""Gates, other shortcuts and orders, and stochastic depth as ONNX files."""

import pytest

from convatlas.deployment import parity, to_onnx
from tests.deployment.nets import by_onnxruntime, by_torch, noise, variant

CIFAR = {"input_side": 16, "width_multiplier": 0.5}
SHORT = {"units_per_stage": 2, **CIFAR}
NETS = [
    ("highway_10_fc_mnist", {}),
    ("highway_10_w16_mnist", {}),
    ("highway_19_cifar10", CIFAR),
    *((f"resnet110_shortcut_{kind}_cifar", SHORT) for kind in ("scaled", "gated", "dropout")),
    ("resnet110_exclusive_gates_cifar", SHORT),
    ("resnet110_cifar_stochastic_depth", {**SHORT, "input_side": 13}),  # sides that round up
    *(
        (name, {"depths": (2, 2, 2), **CIFAR})
        for name in (
            "preresnet164_cifar",
            "resnet164_bn_after_addition_cifar",
            "resnet164_relu_before_addition_cifar",
            "resnet164_relu_preactivation_cifar",
        )
    ),
]


@pytest.mark.parametrize(("name", "changes"), NETS, ids=[name for name, _ in NETS])
def test_exported_form_agrees(name: str, changes: dict[str, object]):
    net, shape = variant(name, **changes)
    found = parity(by_torch(net), by_onnxruntime(to_onnx(net, shape)), noise(3, shape))
    assert found.relative_difference <= 1e-5
