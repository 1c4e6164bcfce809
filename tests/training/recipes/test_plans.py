"""Recipes meet nets and images: lengths, batches, and what does not fit."""

import json
import re
from dataclasses import replace

import pytest

from convatlas import models
from convatlas.data import Augmentation
from convatlas.errors import UnknownName, UserError
from convatlas.training import Length, NamedRecipe, Situation
from convatlas.training._situation import abilities
from convatlas.training.recipes import (
    WITHOUT,
    described,
    find,
    made_for,
    names,
    read_recipe,
    why_none,
)

PAPERS = [name for name in names() if isinstance(find(name), NamedRecipe)]
PAPERS = [name for name in PAPERS if find(name).paper is not None]


def situation(variant, *, images=50_000, has=None, side=None):
    spec = models.spec_of(variant)
    return Situation(
        variant=variant,
        side=side or spec.input_side,
        images=images,
        classes=spec.num_classes,
        has=abilities(variant, spec) if has is None else has,
        augmentation=Augmentation(),
    )


def spec_for(recipe, variant):
    return models.spec_of(variant, **recipe.spec)


@pytest.mark.parametrize("name", PAPERS)
def test_every_recipe_plans_for_its_first_net(name):
    recipe = find(name)
    variant = described(recipe).nets[0]
    spec = spec_for(recipe, variant)
    needed = abilities(variant, spec) if recipe.requires else frozenset()
    made = recipe.plan(situation(variant, has=needed), Length())
    assert made.name == name
    assert made.steps == round(recipe.epochs * 50_000 / recipe.recipe.batch_size)
    assert made == replace(recipe.recipe, name=name, steps=made.steps, validations=made.validations)


@pytest.mark.parametrize("name", PAPERS)
def test_every_net_of_a_recipe_takes_its_spec_and_its_side(name):
    recipe = find(name)
    nets = described(recipe).nets
    assert nets, "made for no net"
    for variant in nets:
        spec = spec_for(recipe, variant)
        assert recipe.sides[0] <= spec.input_side <= recipe.sides[1], variant


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPERS)
def test_every_recipe_plans_for_every_net(name):
    recipe = find(name)
    for variant in described(recipe).nets:
        has = abilities(variant, spec_for(recipe, variant))
        assert recipe.plan(situation(variant, has=has), Length(epochs=1)).steps > 0


@pytest.mark.parametrize("name", PAPERS)
def test_patterns_match_and_none_is_dead(name):
    for pattern in find(name).nets:
        assert models.find(pattern), pattern


def test_every_variant_has_a_recipe_or_a_reason():
    """`small-data` suits every net, so only the papers' recipes count."""
    covered = {net for name in PAPERS for net in described(find(name)).nets}
    bare = [variant for variant in models.variants() if variant not in covered]
    assert [variant for variant in bare if why_none(variant) is None] == []
    assert [variant for variant in covered if why_none(variant) is not None] == []


def test_every_reason_is_for_some_net():
    for pattern in WITHOUT:
        assert models.find(pattern), pattern


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("alexnet", {"alexnet2012"}),
        ("vgg_d", {"vgg-s256", "vgg-s384", "vgg-jitter"}),
        ("resnet20_cifar", {"resnet-cifar"}),
        ("resnet110_cifar", {"resnet110-cifar"}),
        ("resnet110_cifar_stochastic_depth", {"stochastic-depth-cifar"}),
        ("resnet50", {"resnet-imagenet"}),
        ("resnet50_v15", {"resnet-torch"}),
        ("preresnet200", {"preresnet-imagenet", "preresnet-aspect"}),
        ("se_resnet50", {"senet", "senet-ablation"}),
        ("densenet_bc_100_k12", {"densenet-cifar", "densenet-cifar-plain"}),
        ("densenet161_k48", {"densenet161"}),
        ("mobilenet_v2", {"mobilenet-v2", "mobilenet-v2-slim"}),
        ("shufflenet_v1_g3_x2_0_se", {"shufflenet-v1"}),
        ("condensenet182", {"condensenet-cifar-600"}),
        ("condensenet_light94", {"condensenet-cifar"}),
        ("condensenet86_condensed", set()),
        ("resnet8_small", set()),
    ],
)
def test_made_for(variant, expected):
    assert {name for name in made_for(variant) if name in PAPERS} == expected


@pytest.mark.parametrize(
    ("name", "factor"),
    [("resnet-cifar", 2.0), ("efficientnet", 2.0), ("lenet5", 2.0**0.5), ("xception-jft", 1.0)],
)
def test_the_rate_follows_the_batch_by_the_recipes_rule(name, factor):
    recipe = find(name)
    where = situation(described(recipe).nets[0], has=frozenset())
    double = recipe.plan(where, Length(batch_size=2 * recipe.recipe.batch_size))
    assert double.learning_rate == pytest.approx(factor * recipe.recipe.learning_rate)
    assert double.steps == pytest.approx(recipe.plan(where, Length()).steps / 2, abs=1)


def test_lengths():
    where = situation("resnet20_cifar", has=frozenset())
    recipe = find("resnet-cifar")
    assert recipe.plan(where, Length()).steps == round(164 * 50_000 / 128) == 64_062
    assert recipe.plan(where, Length(epochs=1)).steps == 391
    assert recipe.plan(where, Length(steps=64_000)).steps == 64_000
    assert recipe.plan(where, Length(steps=3)).validations == 3
    assert recipe.plan(where, Length(epochs=1, batch_size=256)).steps == 195


@pytest.mark.parametrize(
    ("name", "variant", "side", "message"),
    [
        ("resnet-cifar", "resnet20_cifar", 224, "Recipe 'resnet-cifar' is for images of 24 to 64"),
        ("vgg-s256", "vgg_d", 32, "vgg_d takes 32 here. Give another --side or recipe"),
        ("googlenet", "alexnet", 224, "needs a net with auxiliary heads, and alexnet has none"),
        ("nasnet-cifar", "resnet20_cifar", 32, "needs a net with auxiliary heads"),
        ("condensenet-cifar", "densenet_40_k12", 32, "needs a net with condensing layers"),
    ],
)
def test_recipes_and_nets_that_do_not_fit(name, variant, side, message):
    where = situation(variant, side=side, has=frozenset({"norms"}))
    with pytest.raises(UserError, match=re.escape(message)):
        find(name).plan(where, Length())


def test_auxiliary_heads_are_found_in_the_nets_that_have_them():
    needs = {name for name in PAPERS if "auxiliary heads" in find(name).requires}
    assert needs == {
        "googlenet", "googlenet-quick", "inception-v3", "nasnet-mobile", "nasnet-large",
        "nasnet-cifar",
    }  # fmt: skip
    for name in needs:
        assert find(name).spec == {"aux": True}
        assert find(name).recipe.auxiliary_weight == (0.3 if "googlenet" in name else 0.4)


def test_an_unknown_recipe_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="Nearest: resnet-cifar"):
        find("resnet-cifr")


@pytest.mark.parametrize("name", PAPERS)
def test_round_trip_through_a_file(name, tmp_path):
    recipe = find(name)
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps({"epochs": recipe.epochs, "recipe": recipe.recipe.as_dict()}))
    read = read_recipe(path)
    assert read.recipe == recipe.recipe
    assert read.epochs == recipe.epochs
    where = situation(described(recipe).nets[0], has=recipe.requires)
    assert read.plan(where, Length()).steps == recipe.plan(where, Length()).steps
    assert read.plan(where, Length(steps=7)).steps == 7


@pytest.mark.parametrize("epochs", [0, -1, True, "ten", 1e9, [1]])
def test_a_file_with_impossible_epochs_is_refused(epochs, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"epochs": epochs, "recipe": {}}))
    with pytest.raises(UserError, match=r"epochs=.* of recipe .*r\.json' is not a number above 0"):
        read_recipe(path)


def test_a_file_of_fields_alone_keeps_its_steps(tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"steps": 12, "batch_size": 8}))
    where = situation("resnet20_cifar", has=frozenset())
    assert read_recipe(path).plan(where, Length()).steps == 12
    assert read_recipe(path).plan(where, Length(epochs=1)).steps == 6250
