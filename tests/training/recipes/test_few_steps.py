"""Every recipe trains a narrow net of its own for a few steps on real files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convatlas.cli.models import CATALOGUE
from convatlas.training import Lesson, NamedRecipe, Recipe, teach
from convatlas.training._optimizer import make_optimizer
from convatlas.training.recipes import described, find, names

PAPERS = [name for name in names() if isinstance(find(name), NamedRecipe)]
SIDES = {"alexnet2012": 67, "inception-v3": 75, "inception-v4": 75}  # the smallest they take
WIDTHS = {"lenet5": 1.0}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three classes of brightness, 10 images to train on and 10 to test, of several shapes."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for level in range(3):
            where = folder / split / f"class{level}"
            where.mkdir(parents=True)
            for i in range(10):
                noise = random.normal(60 + 60 * level, 40, (80 + i, 96, 3))
                Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(where / f"{i}.png")
    return folder


def cheapest_net(recipe):
    entries = json.loads(CATALOGUE.read_text())["variants"]
    return min(described(recipe).nets, key=lambda net: entries[net]["mult_adds"])


@pytest.mark.train
@pytest.mark.timeout(900)  # a net of 1202 layers, on a loaded machine
@pytest.mark.parametrize("name", PAPERS)
def test_a_recipe_trains(name, photos, tmp_path):
    recipe = find(name)
    side = SIDES.get(name, 64 if recipe.sides[0] >= 64 else 32)
    lesson = Lesson(
        data=str(photos),
        variant=cheapest_net(recipe),
        recipe=name,
        width=WIDTHS.get(name, 0.25),
        side=side,
        steps=3,
        batch_size=4,
        threads=1,
    )
    result = teach(lesson, tmp_path, progress=lambda *_: None, say=lambda _: None)
    assert result["steps"] == 3
    assert 0 <= result["test"]["top1_error"] <= 100
    written = json.loads((Path(result["bundle"]) / "bundle.json").read_text())
    kept = written["recipe"]
    assert kept["name"] == name
    assert kept["learning_rate"] == pytest.approx(
        recipe.recipe.learning_rate
        * {"linear": 4 / recipe.recipe.batch_size, "none": 1.0, "square root": 2.0}[recipe.scaling]
    )


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_weight_whose_first_gradient_comes_late_moves_as_if_it_had_just_begun(nesterov):
    """As of a block that stochastic depth skips: a step without gradient leaves no trace."""
    net = nn.ParameterList([nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))])
    recipe = Recipe(learning_rate=0.5, momentum=0.5, nesterov=nesterov, weight_decay=0.0)
    optimizer = make_optimizer(net, recipe)
    net[0].grad = torch.full((3,), 0.25)
    optimizer.step()
    net[1].grad = torch.full((3,), 0.25)
    optimizer.step()
    # velocity 0.25, then 0.125 + 0.25; Nesterov looks half a velocity ahead: 0.375, then 0.4375
    moved = (0.375, 0.4375) if nesterov else (0.25, 0.375)
    assert net[0].tolist() == [1 - 0.5 * sum(moved)] * 3
    assert net[1].tolist() == [1 - 0.5 * moved[0]] * 3
