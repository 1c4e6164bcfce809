"""Single values of a recipe that a person sets."""

import pytest

from convatlas.data import Augmentation
from convatlas.errors import UnknownName, UserError
from convatlas.training import Recipe, read_changes
from convatlas.training._changes import changed


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("momentum=0.95", "momentum", 0.95),
        ("weight_decay = 1e-4", "weight_decay", 1e-4),
        ("schedule=linear", "schedule", "linear"),
        ('schedule="linear"', "schedule", "linear"),
        ("gradient_clip=null", "gradient_clip", None),
        ("nesterov=false", "nesterov", False),
        ("milestones=[0.5, 0.75]", "milestones", [0.5, 0.75]),
        ("augmentation.flip=true", "augmentation.flip", True),
        ("augmentation.crop_area=[0.1, 1]", "augmentation.crop_area", [0.1, 1]),
    ],
)
def test_a_value_is_json_or_else_text(text, name, value):
    assert read_changes([text]) == {name: value}


def test_fields_are_set_and_the_others_kept():
    recipe = Recipe(momentum=0.8, augmentation=Augmentation(flip=True, shift=0.125))
    texts = ["milestones=[0.5]", "augmentation.cutout=0.5", "augmentation.flip=false"]
    found = changed(recipe, read_changes(texts))
    assert found.milestones == (0.5,)
    assert found.momentum == 0.8
    assert found.augmentation == Augmentation(shift=0.125, cutout=0.5)


def test_nothing_set_changes_nothing():
    recipe = Recipe(augmentation=Augmentation(flip=True))
    assert changed(recipe, {}) == recipe


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["momentum"], ["'momentum'", "FIELD=VALUE"]),
        (["=1"], ["'=1'", "FIELD=VALUE"]),
        (["momentum="], ["FIELD=VALUE"]),
        (["momentum=0.8", "momentum=0.9"], ["momentum is set twice", "'momentum=0.9'"]),
        (["steps=10"], ["'steps=10'", "--steps"]),
        (["batch_size=10"], ["--batch", "learning rate"]),
        (["momentum=fast"], ["momentum='fast'", "0 to 0.9999"]),
        (["augmentation.shift=2"], ["shift=2", "0.5"]),
        (["augmentation=3"], ["augmentation"]),
    ],
)
def test_what_cannot_be_set_is_said(texts, words):
    with pytest.raises(UserError) as told:
        read_changes(texts)
    assert all(word in str(told.value) for word in words), told.value


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("weight_decai=1", "weight_decay"), ("augmentation.flop=true", "flip")],
)
def test_an_unknown_field_names_the_nearest(text, nearest):
    with pytest.raises(UnknownName, match=nearest):
        read_changes([text])
