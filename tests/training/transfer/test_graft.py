"""A deeper net that begins with layers of a shallower one."""

import pytest
import torch

from convatlas.errors import UserError
from convatlas.models import family_of, spec_of
from convatlas.models.vgg import graft as papers_graft
from convatlas.training.transfer import graft
from tests.training.transfer.made import donor

SMALL = {"width_multiplier": 0.0625, "input_side": 32}


def deep(variant, classes=3, **changes):
    return spec_of(variant, num_classes=classes, **{**SMALL, **changes})


def grafted(tmp_path, variant="vgg_d", classes="abc", onto="vgg_a", **changes):
    found = donor(tmp_path, onto, side=32, width_multiplier=0.0625)
    given = deep(variant, len(classes), **changes)
    return found, given, graft(found, variant, given, classes, seed=3)


@pytest.mark.parametrize(("shallow", "variant"), [("vgg_a", "vgg_d"), ("vgg_a_bn", "vgg_b_bn")])
def test_layers_are_those_of_the_papers_section_3_1(tmp_path, shallow, variant):
    """Net A's first four convolutions and three fully connected layers."""
    found, given, start = grafted(tmp_path, variant, onto=shallow)
    torch.manual_seed(3)
    expected = family_of(variant).build(given)
    kept = papers_graft(found.net, expected)
    assert all(torch.equal(start.tensors[n], t) for n, t in expected.state_dict().items())
    layers = {name.rsplit(".", 1)[0] for name in start.taken}
    assert {f"stages.{n}" for n in ("conv1.conv1", "conv2.conv1", "conv3.conv1", "conv3.conv2")} | {
        f"classifier.fc{n}" for n in (6, 7, 8)
    } == {layer for layer in layers if ".norm" not in layer}
    assert {name.rsplit(".", 1)[0] for name in start.new} == set(kept)


def test_for_other_classes_the_last_layer_alone_is_new(tmp_path):
    _, _, start = grafted(tmp_path, classes="vwxyz")
    taken = {name for name in start.taken if name.startswith("classifier")}
    assert taken == {f"classifier.fc{n}.{kind}" for n in (6, 7) for kind in ("weight", "bias")}
    assert start.tensors["classifier.fc8.weight"].shape[0] == 5


def test_what_has_another_shape_is_left_out(tmp_path):
    _, _, start = grafted(tmp_path, input_side=64)
    assert "classifier.fc6.weight" in start.new
    assert {"classifier.fc6.bias", "classifier.fc7.weight"} <= set(start.taken)


def test_residual_nets_share_their_first_units(tmp_path):
    found = donor(tmp_path, "resnet8_small")
    given = spec_of("resnet14_small", num_classes=3, input_side=8)
    start = graft(found, "resnet14_small", given, "abc", seed=0)
    convolutions = [n for n in start.taken if start.tensors[n].ndim == 4]
    assert len(convolutions) == 4
    assert all(torch.equal(start.tensors[n], found.net.state_dict()[n]) for n in start.taken)
    assert "classifier.weight" in start.taken


def test_another_family_or_width_is_refused(tmp_path):
    found = donor(tmp_path, "vgg_a", side=32, width_multiplier=0.0625)
    with pytest.raises(UserError, match="family 'vgg', and 'resnet8_small' is of 'resnet_cifar'"):
        graft(found, "resnet8_small", spec_of("resnet8_small"), "abc", seed=0)
    with pytest.raises(UserError, match="None of the first 4 convolutions"):
        graft(found, "vgg_d", deep("vgg_d", width_multiplier=0.5), "abc", seed=0)
