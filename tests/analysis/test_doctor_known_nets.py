"""What the literature says of known nets is what the doctor finds, and clean nets get little."""

import pytest

from convatlas import models
from convatlas.analysis import without_weights
from convatlas.analysis.doctor import Diagnosis, Finding, examine


def diagnosis(name: str) -> Diagnosis:
    spec = models.spec_of(name)
    with without_weights():
        net = models.build(name)
    return examine(net, (spec.in_channels, spec.input_side, spec.input_side))


def findings(name: str) -> dict[str, Finding]:
    return {finding.kind: finding for finding in diagnosis(name).findings}


@pytest.mark.parametrize(
    ("name", "few"),
    [("plain18", {"dead padding"}), ("resnet18", {"dead padding", "stride skips the input"})],
)
def test_plain_nets_of_3x3_convolutions_get_few_findings(name, few):
    assert set(findings(name)) == few


def test_the_convolutions_of_vgg_are_sound_and_its_classifier_is_not():
    found = findings("vgg_d")
    pools = found.pop("pooling before widening")
    assert all(layer.name.endswith("pool") for layer in pools.layers)
    assert set(found) == {"low arithmetic intensity", "fully connected weights"}
    layers = {layer.name for finding in found.values() for layer in finding.layers}
    assert layers == {"classifier.fc6", "classifier.fc7", "classifier.fc8"}


def test_groups_of_shufflenet_v1_cost_more_the_more_they_are():
    """ShuffleNet v2, guideline 2; with one group there is nothing to find."""
    figures = [findings(f"shufflenet_v1_g{g}_x1_0").get("groups") for g in (1, 3, 8)]
    assert figures[0] is None
    assert figures[1].figure < figures[2].figure
    assert all(finding.lost > 0.05 for finding in figures[1:])


def test_interleaved_groups():
    """IGCV1's primary groups of two channels reach sqrt(24) = 4.9 times the dense bound at most."""
    found = findings("igcv1_l24m2_d20")["groups"]
    assert 4.5 < found.figure <= 24**0.5
    assert found.share > 0.4


def test_shufflenet_v2_keeps_to_its_guidelines():
    found = findings("shufflenet_v2_x1_0")
    assert not {"unequal widths", "groups", "fragments"} & set(found)


def test_nasnet_is_in_fragments():
    """Five pairs of operations in a cell, of up to four operators each, and one to align inputs."""
    nasnet, googlenet = findings("nasnet_a_4_1056"), findings("googlenet")
    assert nasnet["fragments"].figure > 5
    assert nasnet["fragments"].lost > 0.1 > googlenet["fragments"].lost
    assert googlenet["fragments"].figure == 3.5  # 7 operators, 2 on the longest path
    assert len(googlenet["fragments"].layers) == 9


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_depthwise_layers_move_more_than_they_compute(name):
    found = findings(name)["low arithmetic intensity"]
    depthwise = [layer for layer in found.layers if "depthwise" in layer.name]
    assert len(depthwise) == {"mobilenet_v1": 13, "mobilenet_v2": 17}[name]
    assert all(layer.figure > 2 for layer in depthwise)


def test_linear_bottlenecks():
    """MobileNet v2 has none of what its variant with ReLU6 behind the projections has."""
    kind = "ReLU in a narrow layer"
    assert kind not in findings("mobilenet_v2")
    found = findings("mobilenet_v2_nonlinear_bottleneck")[kind]
    assert len(found.layers) == 7  # where the resolution or width changes: no shortcut
    assert all("project" in layer.name for layer in found.layers)
    assert len(findings("squeezenet_1_0")[kind].layers) == 8  # one a fire module


def test_fully_connected_layers_of_alexnet_and_vgg():
    """Parameters of fc6 to fc8: 58.6 of 61.0 million, and 123.6 of 138.4 million."""
    alexnet, vgg = (findings(n)["fully connected weights"] for n in ("alexnet", "vgg_d"))
    assert alexnet.figure == pytest.approx(58.63 / 60.97, abs=1e-3)
    assert vgg.figure == pytest.approx(123.64 / 138.36, abs=1e-3)
    assert alexnet.share > 0.25


@pytest.mark.parametrize(
    ("name", "layers"), [("resnet18_a", 3), ("resnet18", 3), ("resnet50_v15", 3), ("resnet50", 6)]
)
def test_strides_of_residual_nets_skip_three_quarters(name, layers):
    """Options A and B; in the paper's bottleneck units the first 1x1 strides as well."""
    found = findings(name)["stride skips the input"]
    assert len(found.layers) == layers
    assert found.figure == 0.75


def test_stride_in_the_first_1x1_makes_computed_pixels_go_unread():
    """Three quarters of the last unit of conv2_x to conv4_x reach nothing, 3x3 and 1x1 alike."""
    found = findings("resnet50")["pixels never read"]
    last = {"stages.conv2_x.2", "stages.conv3_x.3", "stages.conv4_x.5"}
    assert {".".join(layer.name.split(".")[:3]) for layer in found.layers} == last
    assert found.figure == 0.75
    assert 0.08 < found.lost < 0.11
    assert "pixels never read" not in findings("resnet50_v15")


def test_pooling_of_googlenet():
    found = findings("googlenet")["pooling before widening"]
    assert [layer.name for layer in sorted(found.layers, key=lambda x: x.name)] == [
        "stages.pool3",
        "stages.pool4",
        "stem.pool1",
        "stem.pool2",
    ]


@pytest.mark.slow
def test_every_net_of_the_zoo_is_examined():
    for name in models.variants():
        told = diagnosis(name)
        assert told.seconds > 0
        for finding in told.findings:
            assert finding.layers
            assert 0 <= finding.lost <= finding.share + 1e-9 <= 1 + 1e-6, (name, finding.kind)
            assert finding.figure >= finding.rule.limit
