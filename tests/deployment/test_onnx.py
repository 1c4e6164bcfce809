"""The exported file computes what the net computes."""

import warnings

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.deployment import export_onnx, parity, read_metadata, to_onnx
from convatlas.errors import UserError
from convatlas.layers import (
    ConvNorm,
    LearnedGroupConv,
    SampleDrop,
    Scale,
    SelectChannels,
    SeparableConv,
    SqueezeExcite,
    Survival,
)
from tests.analysis.nets import Branches
from tests.deployment.nets import by_onnxruntime, by_torch, lively, noise, variant

SMALL = sorted({*models.find("*_small"), *models.find("*20_cifar"), "densenet_40_k12", "lenet5"})
DEEP = ["densenet_bc_100_k12", "plain56_cifar", "resnet110_cifar"]
# big ones at the least side that keeps every layer at work
REDUCED = {
    "densenet121": 64,
    "mobilenet_v1": 64,
    "mobilenet_v2": 64,
    "resnet18_a": 64,
    "resnet50": 64,
    "shufflenet_v2_x1_0": 64,
    "squeezenet_1_0": 64,
    "squeezenet_1_0_complex_bypass": 64,
}


class Highway(nn.Module):
    """The gate of a highway: x + t (h - x), with a subtraction."""

    def __init__(self) -> None:
        super().__init__()
        self.transform, self.gate = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.sigmoid(self.gate(x)) * (self.transform(x) - x)


def assert_same(
    net: nn.Module, shape: tuple[int, int, int], bound: float = 1e-5
) -> onnx.ModelProto:
    content = to_onnx(net, shape)
    onnx.checker.check_model(content, full_check=True)
    exported = by_onnxruntime(content)
    for n in (1, 2, 5):
        found = parity(by_torch(net), exported, noise(n, shape))
        assert found.relative_difference <= bound, (n, found)
        assert found.n == n
    return onnx.load_from_string(content)


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("name", SMALL)
def test_small_variants(name):
    assert "BatchNormalization" not in kinds(assert_same(*variant(name)))


@pytest.mark.parametrize("name", DEEP)
def test_deep_variants(name):
    assert_same(*variant(name), bound=1e-4)


@pytest.mark.parametrize("name", REDUCED)
def test_big_variants_at_reduced_sides(name):
    assert_same(*variant(name, input_side=REDUCED[name]))


def test_towers_and_response_norm():
    side = 67  # the least that AlexNet's poolings leave a pixel of
    assert "LRN" in kinds(assert_same(*variant("alexnet", input_side=side, width_multiplier=0.25)))


@pytest.mark.parametrize("side", [17, 21, 32])
def test_every_form(side):
    net = lively(Branches())
    model = assert_same(net, (3, side, side + 4))
    assert {"Clip", "Gather", "Split", "Concat", "Mul", "Add", "LRN"} <= set(kinds(model))
    assert not {"Dropout", "Identity"} & set(kinds(model))


@pytest.mark.parametrize(
    "layer",
    [
        nn.AvgPool2d(3, 2, 1),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.AvgPool2d(2, 2, ceil_mode=True),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.MaxPool2d(3, 2, 1, dilation=2),
        nn.MaxPool2d((3, 2), (2, 3), ceil_mode=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(4, 6, (3, 5), padding="same", dilation=(2, 1)),
        nn.Conv2d(4, 6, (4, 2), padding="same"),
        nn.Conv2d(4, 6, 3, padding="valid", groups=2),
        nn.Conv2d(4, 6, 3, stride=(2, 3), padding=(0, 2), bias=False),
        nn.BatchNorm2d(4),
        nn.BatchNorm2d(4, affine=False),
        nn.Softmax(dim=1),
        nn.Tanh(),
    ],
    ids=str,
)
@pytest.mark.parametrize("side", [9, 10])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_layers_alone(layer, side):
    assert_same(lively(nn.Sequential(layer)), (4, side, side + 1))


def test_tiles():
    assert_same(nn.Sequential(nn.AdaptiveAvgPool2d((2, 3))), (4, 8, 9))
    with pytest.raises(UserError, match=r"'0' makes 2 x 3 of 9 x 9 pixels, in tiles of unequal"):
        to_onnx(nn.Sequential(nn.AdaptiveAvgPool2d((2, 3))), (4, 9, 9))


def test_nothing_to_compute():
    model = assert_same(nn.Sequential(nn.Identity(), nn.Dropout()).eval(), (3, 4, 4))
    assert kinds(model) == ["Identity"]


def test_output_that_is_read_as_well():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logits = nn.Conv2d(3, 4, 1)
            self.unused = nn.ReLU()

        def forward(self, x):
            y = self.logits(x)
            self.unused(y)
            return y

    assert_same(Net(), (3, 4, 4))


def test_norm_is_folded_only_where_nothing_else_reads_the_convolution():
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x):
            y = self.conv(x)
            return self.norm(y) + y

    assert kinds(assert_same(lively(Shared()), (3, 8, 8))) == ["Conv", "Conv", "Add"]
    folded = lively(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    assert kinds(assert_same(folded, (3, 8, 8))) == ["Conv"]


def test_module_that_runs_twice_is_stored_once():
    conv = nn.Conv2d(4, 4, 3, padding=1)
    model = assert_same(nn.Sequential(conv, nn.ReLU(), conv), (4, 6, 6))
    assert [w.name for w in model.graph.initializer] == ["0.weight", "0.bias"]


def test_one_convolution_before_two_norms():
    conv, ours = nn.Conv2d(4, 4, 1), [nn.BatchNorm2d(4), nn.BatchNorm2d(4)]
    net = lively(nn.Sequential(conv, ours[0], conv, ours[1]))
    model = assert_same(net, (4, 5, 5))
    assert len(model.graph.initializer) == 4


def test_names_are_module_paths():
    model = onnx.load_from_string(to_onnx(*variant("mobilenet_v1_small")))
    weights = {w.name for w in model.graph.initializer}
    assert {"stem.conv.weight", "stem.conv.bias", "classifier.weight"} <= weights
    assert len(weights) == len(model.graph.initializer)
    assert {"stem.conv", "stem.activation", "pool"} <= {n.name for n in model.graph.node}


def test_file_is_as_large_as_the_weights():
    for name, share in [("mobilenet_v2", 1.0), ("resnet50", 1.0), ("densenet121", 1.005)]:
        net, shape = variant(name, input_side=64)
        weights = 4 * sum(p.numel() for p in net.parameters())
        assert len(to_onnx(net, shape)) < share * weights


def test_header():
    model = onnx.load_from_string(to_onnx(*variant("vgg_a_small")))
    assert model.producer_name == "convatlas"
    assert model.producer_version == "0.1.0"
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert model.ir_version <= 10  # what onnxruntime 1.20 reads
    (images,), (logits,) = model.graph.input, model.graph.output
    dims = images.type.tensor_type.shape.dim
    assert (images.name, dims[0].dim_param) == ("images", "n")
    assert [d.dim_value for d in dims][1:] == [3, 32, 32]
    assert (logits.name, logits.type.tensor_type.shape.dim[0].dim_param) == ("logits", "n")


def test_equal_weights_give_equal_bytes():
    metadata = {"b": "2", "a": "1", "c": "3"}
    first, second = variant("shufflenet_v2_small"), variant("shufflenet_v2_small")
    content = to_onnx(*first, metadata=metadata)
    assert content == to_onnx(*second, metadata=dict(sorted(metadata.items())))
    with torch.no_grad():
        second[0].classifier.bias[0] += 1
    assert content != to_onnx(*second, metadata=metadata)


def test_net_is_left_alone():
    net, shape = variant("densenet_bc_22_small")
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    to_onnx(net, shape)
    assert net.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_channels_last_weights():
    net, shape = variant("resnet8_small")
    content = to_onnx(net, shape)
    assert to_onnx(net.to(memory_format=torch.channels_last), shape) == content


def test_file_and_metadata(tmp_path):
    net, shape = variant("resnet8_small")
    text = {"classes": '["cat", "h\u00fchner"]', "empty": ""}
    path = export_onnx(net, shape, tmp_path / "deep" / "net.onnx", text)
    assert path.read_bytes() == to_onnx(net, shape, metadata=text)
    assert read_metadata(path) == text
    assert [p.name for p in path.parent.iterdir()] == ["net.onnx"]


def test_metadata_of_what_is_no_file(tmp_path):
    with pytest.raises(UserError, match=r"Cannot read .*gone\.onnx"):
        read_metadata(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("surely no protobuf")
    with pytest.raises(UserError, match=r"text\.onnx' is not an ONNX file"):
        read_metadata(tmp_path / "text.onnx")


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")), "padding_mode='r"),
        (nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False)), "'0' keeps no running stat"),
        (nn.Sequential(nn.AvgPool2d(2, divisor_override=3)), "'0' has divisor_override"),
        (nn.Sequential(nn.LocalResponseNorm(4)), "'0' has a window of 4"),
        (nn.Sequential(nn.Linear(8, 2)), "Export needs flattened features"),
        (nn.Sequential(nn.Conv2d(3, 4, 3, device="meta")), "'0.weight' has no values"),
    ],
)
def test_what_cannot_be_said_is_named(net, message):
    with pytest.raises(UserError, match=message):
        to_onnx(net, (3, 8, 8))


def test_absent_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"pip install 'convatlas\[export\]'"):
        to_onnx(nn.Sequential(nn.ReLU()), (3, 8, 8))


def test_against_torchs_exporter(tmp_path):
    pytest.importorskip("onnxscript")
    net, shape = variant("mobilenet_v2_small")
    images = noise(2, shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (torch.from_numpy(images),), tmp_path / "net.onnx", dynamo=True, verbose=False
        )
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    theirs = session.run(None, {session.get_inputs()[0].name: images})[0]
    ours = by_onnxruntime(to_onnx(net, shape))(images)
    assert np.abs(theirs - ours).max() <= 1e-5 * np.abs(theirs).max()


def test_half_precision_weights_are_written_as_float32():
    net = nn.Sequential(ConvNorm(3, 4, 3)).eval()
    content = to_onnx(net.half(), (3, 8, 8))
    assert by_onnxruntime(content)(noise(2, (3, 8, 8))).dtype == np.float32


def _alone(layer: nn.Module, side: int = 6) -> tuple[nn.Module, tuple[int, int, int]]:
    """A layer behind a convolution and before a classifier that sees every position."""
    body = nn.Sequential(nn.Conv2d(3, 4, 1), layer)
    with torch.no_grad():
        features = body.eval()(torch.zeros(1, 3, side, side)).flatten(1).shape[1]
    torch.manual_seed(0)
    return nn.Sequential(body, nn.Flatten(), nn.Linear(features, 5)).eval(), (3, side, side)


@pytest.mark.parametrize(
    "layer",
    [
        nn.LeakyReLU(0.1),
        nn.ELU(0.7),
        nn.SiLU(),
        nn.ZeroPad2d((1, 0, 2, 3)),
        nn.ZeroPad2d((-1, 1, -2, 1)),
        Scale(0.17),
        Survival(0.3),
        SampleDrop(0.5),
        SelectChannels([3, 1, 1, 0, 2], in_channels=4),
        SqueezeExcite(4, 2),
        SeparableConv(4, 6, 3, stride=2),
        Highway(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layer_alone(layer):
    assert_same(*_alone(layer))


def test_a_net_that_condenses_is_exported_as_it_runs():
    net, shape = variant("condensenet50", depths=(2, 2), growth_rates=(8, 16), input_side=8)
    for module in net.modules():
        if isinstance(module, LearnedGroupConv):
            module.advance(1.0)
    model = assert_same(net, shape)
    groups = [a.i for node in model.graph.node for a in node.attribute if a.name == "group"]
    assert groups.count(4) == 2 * 4  # the learned 1x1 and the 3x3 of every layer


class _Doubled(nn.Module):
    def __init__(self, several: bool):
        super().__init__()
        self.conv, self.several = nn.Conv2d(3, 4, 1), several

    def forward(self, x):
        y = self.conv(x)
        return (y, y + y) if self.several else y * 2


@pytest.mark.parametrize(
    ("several", "words"), [(True, "returns 2 tensors"), (False, r"'mul' \(mul\) cannot be expo")]
)
def test_what_the_writer_does_not_know_is_refused(several, words):
    with pytest.raises(UserError, match=words):
        to_onnx(_Doubled(several), (3, 4, 4))
