"""What a net takes over from one that was trained before."""

from dataclasses import replace

import pytest
import torch

from convatlas import models
from convatlas.errors import UserError
from convatlas.models import families, spec_of
from convatlas.training.transfer import start_from
from convatlas.training.transfer._fit import channel_axes, class_axes
from tests.training.transfer.made import donor, net_of

RESNET = "resnet8_small"


def spec(variant=RESNET, classes=3, side=8, channels=3, **changes):
    return spec_of(variant, num_classes=classes, input_side=side, in_channels=channels, **changes)


def answers(start, variant, given, images):
    net = models.family_of(variant).build(given)
    net.load_state_dict(dict(start.tensors))
    with torch.no_grad():
        return net.eval()(images)


def test_with_the_same_classes_everything_is_taken_over(tmp_path):
    found = donor(tmp_path)
    start = start_from(found, RESNET, spec(), "abc", seed=7)
    state = found.net.state_dict()
    assert list(start.tensors) == list(state) == list(start.taken)
    assert all(torch.equal(tensor, state[name]) for name, tensor in start.tensors.items())
    assert start.head == "its classifier is kept: the classes are the same 3"


def test_classes_in_another_order_are_put_in_order(tmp_path):
    found = donor(tmp_path)
    start = start_from(found, RESNET, spec(), "cab", seed=7)
    images = torch.randn(4, 3, 8, 8)
    theirs = found.net(images).detach()
    torch.testing.assert_close(
        answers(start, RESNET, spec(), images), theirs[:, [2, 0, 1]], rtol=0, atol=1e-6
    )
    assert len(start.taken) == len(start.tensors)


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ("abd", "the classifier is new: its 3 classes have other names"),
        ("abcd", "the classifier is new: 4 classes instead of its 3"),
        ("ab", "the classifier is new: 2 classes instead of its 3"),
    ],
)
def test_for_other_classes_the_classifier_is_new_and_nothing_else(tmp_path, classes, words):
    found = donor(tmp_path)
    start = start_from(found, RESNET, spec(classes=len(classes)), classes, seed=7)
    assert start.head == words
    assert start.new == ("classifier.weight", "classifier.bias")
    state = found.net.state_dict()
    assert all(torch.equal(start.tensors[name], state[name]) for name in start.taken)


def test_a_new_classifier_follows_the_seed_and_disturbs_no_other_draw(tmp_path):
    found = donor(tmp_path)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = (
        start_from(found, RESNET, spec(), "xyz", seed=seed).tensors["classifier.weight"]
        for seed in (7, 7, 8)
    )
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.abs().sum() > 0


def test_changing_the_start_leaves_the_donor_alone(tmp_path):
    found = donor(tmp_path)
    start = start_from(found, RESNET, spec(), "abc", seed=0)
    before = {name: tensor.clone() for name, tensor in found.net.state_dict().items()}
    for tensor in start.tensors.values():
        tensor.zero_()
    assert all(torch.equal(t, before[name]) for name, t in found.net.state_dict().items())


def test_on_grey_images_a_net_of_colours_answers_as_on_three_equal_channels(tmp_path):
    found = donor(tmp_path)
    grey = spec(channels=1)
    start = start_from(found, RESNET, grey, "abc", seed=0)
    images = torch.randn(4, 1, 8, 8)
    theirs = found.net(images.expand(-1, 3, -1, -1)).detach()
    torch.testing.assert_close(  # sums of 27 products in another order
        answers(start, RESNET, grey, images), theirs, rtol=1e-4, atol=1e-5
    )


def test_on_three_equal_channels_a_net_of_grey_images_answers_as_on_one(tmp_path):
    found = donor(tmp_path, channels=1)
    start = start_from(found, RESNET, spec(), "abc", seed=0)
    images = torch.randn(4, 1, 8, 8)
    theirs = found.net(images).detach()
    torch.testing.assert_close(
        answers(start, RESNET, spec(), images.expand(-1, 3, -1, -1)), theirs, rtol=1e-4, atol=1e-5
    )


def test_a_net_that_pools_globally_takes_another_side(tmp_path):
    start = start_from(donor(tmp_path), RESNET, spec(side=12), "abc", seed=0)
    assert not start.new


def test_heads_for_training_alone_may_be_missing_or_too_many(tmp_path):
    small = {"width_multiplier": 0.125}
    with_heads = spec("googlenet", side=64, **small)
    without = replace(with_heads, aux=False)
    bare = donor(tmp_path / "a", "googlenet", side=64, aux=False, **small)
    start = start_from(bare, "googlenet", with_heads, "abc", seed=0)
    assert start.new
    assert all(name.startswith("aux.") for name in start.new)
    headed = donor(tmp_path / "b", "googlenet", side=64, **small)
    assert not start_from(headed, "googlenet", without, "abc", seed=0).new


@pytest.mark.parametrize(
    ("variant", "given", "words"),
    [
        (
            "vgg_a_small",
            spec("vgg_a_small"),
            "holds 'resnet8_small', not 'vgg_a_small'. Give --net",
        ),
        ("resnet14_small", spec("resnet14_small"), "units_per_stage is 1 there, 2 here"),
        (RESNET, spec(width_multiplier=0.5), r"width_multiplier is 1.0 there, 0.5 here. Give --wi"),
    ],
)
def test_another_net_is_refused(tmp_path, variant, given, words):
    with pytest.raises(UserError, match=words):
        start_from(donor(tmp_path), variant, given, "abc", seed=0)


def test_a_net_with_layers_for_one_side_says_which_side(tmp_path):
    small = {"width_multiplier": 0.0625}
    found = donor(tmp_path, "vgg_a", side=64, **small)
    with pytest.raises(UserError) as caught:
        start_from(found, "vgg_a", spec("vgg_a", side=32, **small), "abc", seed=0)
    assert "1 tensors of" in str(caught.value)
    assert "classifier.fc6.weight is 256x128 there, 256x32 here" in str(caught.value)
    assert "64 there and 32 here: give --side 64" in str(caught.value)


def test_what_changes_no_answer_may_differ(tmp_path):
    found = donor(tmp_path, "nin_cifar10", side=32, width_multiplier=0.125)
    changed = spec("nin_cifar10", side=32, width_multiplier=0.125, dropout_after=())
    assert not start_from(found, "nin_cifar10", changed, "abc", seed=0).new


@pytest.mark.parametrize("family", sorted(families()))
def test_in_every_family_the_classifier_and_heads_alone_follow_the_classes(family):
    of = families()[family]
    variant = of.offered[0] if of.offered else next(iter(of.variants))
    given = spec_of(variant)
    classes = class_axes(family, given)
    assert classes
    assert all(name.startswith(("classifier.", "aux.")) for name in classes)
    assert set(classes.values()) == {0}


def test_layers_that_follow_the_channels():
    assert channel_axes("resnet_cifar", spec(), 1) == {"stem.conv.weight": 1}
    separable = channel_axes("bn_inception", spec_of("bn_inception"), 1)
    assert set(separable.values()) == {0, 1}  # filters of each colour, and what mixes them


def test_a_first_layer_with_filters_of_each_colour_cannot_be_summed(tmp_path):
    small = {"width_multiplier": 0.125}
    found = donor(tmp_path, "bn_inception", side=64, **small)
    grey = spec("bn_inception", side=64, channels=1, **small)
    with pytest.raises(UserError, match=r"tensors of .* do not fit 'bn_inception': stem"):
        start_from(found, "bn_inception", grey, "abc", seed=0)


def test_rounding_of_a_donor_in_half_precision_is_its_own(tmp_path):
    found = donor(tmp_path)
    found.net.half()
    start = start_from(found, RESNET, spec(), "abc", seed=0)
    floating = [t for t in start.tensors.values() if t.is_floating_point()]
    assert {t.dtype for t in floating} == {torch.float32}
    assert torch.equal(
        start.tensors["classifier.weight"], net_of(RESNET, num_classes=3).classifier.weight.half()
    )
