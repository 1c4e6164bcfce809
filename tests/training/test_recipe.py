"""A recipe keeps its values through JSON and refuses what it cannot mean."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convatlas.data import Augmentation
from convatlas.errors import UnknownName, UserError
from convatlas.training import Length, Recipe, Situation
from convatlas.training.recipes import find

RECIPES = st.builds(
    Recipe,
    name=st.text(min_size=1, max_size=20),
    optimizer=st.sampled_from(["sgd", "adamw"]),
    learning_rate=st.floats(0, 100),
    momentum=st.floats(0, 0.9999),
    weight_decay=st.floats(0, 1),
    batch_size=st.integers(1, 2**20),
    steps=st.integers(1, 10**9),
    warmup_share=st.floats(0, 1),
    label_smoothing=st.floats(0, 0.9),
    ema_decay=st.floats(0, 0.999999),
    gradient_clip=st.none() | st.floats(1e-6, 1e9),
    augmentation=st.builds(
        Augmentation, flip=st.booleans(), shift=st.floats(0, 0.5), erase=st.floats(0, 1)
    ),
    seed=st.integers(0, 2**32 - 1),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(RECIPES)
def test_round_trip_through_json(recipe):
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


@given(st.dictionaries(st.sampled_from([*asdict(Recipe()), "lr", ""]), ANYTHING, max_size=4))
def test_hostile_values_are_refused_in_words(values):
    try:
        recipe = Recipe.from_dict(values)
    except UserError:
        pass
    else:
        assert Recipe.from_dict(recipe.as_dict()) == recipe


@given(ANYTHING)
def test_hostile_augmentations_are_refused_in_words(value):
    try:
        recipe = Recipe.from_dict({"augmentation": value})
    except UserError:
        pass
    else:
        assert recipe.augmentation == Augmentation(**value)


@given(ANYTHING)
def test_hostile_recipes_are_refused_in_words(value):
    try:
        recipe = Recipe.from_dict(value)
    except UserError:
        pass
    else:
        assert recipe == Recipe(**value)


def test_an_unknown_field_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match=r"'learning_rat'.*Nearest: learning_rate"):
        Recipe.from_dict({"learning_rat": 0.1})
    with pytest.raises(UnknownName, match=r"'shfit'.*Nearest: shift"):
        Recipe.from_dict({"augmentation": {"shfit": 0.1}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size=0 of a recipe is not a whole number from 1"),
        ({"batch_size": 1.5}, "batch_size=1.5"),
        ({"steps": True}, "steps=True"),
        ({"learning_rate": -0.1}, "learning_rate=-0.1 of a recipe is not a number from 0 to 100"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"gradient_clip": 0}, "gradient_clip=0"),
        ({"optimizer": "adamm"}, "optimizer='adamm' of a recipe is not one of sgd, sgd_inside"),
        ({"schedule": []}, r"schedule=\[\]"),
        ({"name": ""}, "name=''"),
        ({"seed": 2**32}, "seed=4294967296"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        replace(Recipe(), **changes)


def test_whole_numbers_for_numbers_give_the_same_recipe():
    assert json.dumps(Recipe(learning_rate=1).as_dict()) == json.dumps(
        Recipe(learning_rate=1.0).as_dict()
    )


def small_data(images, classes, augmentation=Augmentation(), *, has=("norms",), **length):  # noqa: B008  frozen
    situation = Situation(
        variant="resnet8_small",
        side=28,
        images=images,
        classes=classes,
        has=frozenset(has),
        augmentation=augmentation,
    )
    return find("small-data").plan(situation, Length(**length))


def test_our_own_recipe_follows_the_data_and_the_net():
    tiny = small_data(1200, 10, steps=100)
    large = small_data(50_000, 10, Augmentation(flip=True), steps=10_000, seed=5)
    assert (tiny.batch_size, large.batch_size) == (64, 128)
    assert tiny.learning_rate == pytest.approx(large.learning_rate / 2**0.5)
    assert (tiny.ema_decay, large.ema_decay) == (0.99, 0.998)
    assert large.augmentation.flip
    assert large.seed == 5
    assert large.optimizer == "sgd"
    plain = small_data(50_000, 10, steps=1000, has=())
    assert plain.optimizer == "adamw"
    assert small_data(50, 2, steps=9, batch_size=7).batch_size == 7


@pytest.mark.parametrize("changes", [{"steps": 0}, {"steps": -5}, {"batch_size": -1}, {"seed": -1}])
def test_our_own_recipe_refuses_what_no_recipe_can_be(changes):
    with pytest.raises(UserError, match=f"{next(iter(changes))}="):
        small_data(100, 10, **{"steps": 10, **changes})
