"""`convatlas recipes`: the list, one recipe, the difference of two; for people and programs."""

import json
import runpy
from pathlib import Path

import pytest

from convatlas.training import Length, Recipe
from convatlas.training.recipes import WITHOUT, find, names, read_recipe
from tests.cli.run import convatlas


def test_every_recipe_is_listed():
    text = convatlas("recipes").out
    rows = {line.split()[0] for line in text.splitlines() if line.strip()}
    assert set(names()) <= rows
    assert "/10 at epochs 82, 123" in text
    assert "any" in text


def test_list_as_json():
    found = json.loads(convatlas("recipes", "--json").out)
    assert sorted(row["name"] for row in found) == names()
    row = next(row for row in found if row["name"] == "resnet-cifar")
    assert row["nets"][0] == "resnet20_cifar"
    assert (row["batch_size"], row["learning_rate"], row["epochs"]) == (128, 0.1, 164)
    assert row["paper"] == "He2016"


def test_for_a_net():
    text = convatlas("recipes", "--for", "vgg_d").out
    rows = [line.split()[0] for line in text.splitlines()[1:]]
    assert {"vgg-s256", "vgg-s384", "vgg-jitter", "small-data"} <= set(rows)
    assert rows.index("vgg-s256") < rows.index("small-data")
    assert "alexnet2012" not in rows


def test_for_a_net_without_a_papers_recipe():
    text = convatlas("recipes", "--for", "condensenet86_condensed").out
    assert "No paper's recipe for condensenet86_condensed" in text
    assert WITHOUT["condensenet*_condensed"] in text
    assert "small-data" in text


def test_for_an_unknown_net():
    result = convatlas("recipes", "--for", "resnet5O", code=2)
    assert "No variant named 'resnet5O'. Nearest: resnet50" in result.err


def test_show_tells_every_value_and_its_place():
    text = convatlas("recipes", "show", "alexnet2012").out
    assert "convatlas train DATA --net alexnet --recipe alexnet2012 --out DIR" in text
    line = {row.split()[0]: row for row in text.splitlines() if row.strip()}
    assert "section 5: the update rule" in line["optimizer"] or "sgd_inside" in text
    for field in Recipe().as_dict():
        if field not in ("name", "steps", "seed", "augmentation"):
            assert field in line, field
    assert "default" in line["momentum"]
    assert "default" not in line["nesterov"]
    assert "section 4.1: standard deviation 0.1" in line["pca_colour"]
    assert "Patches come from the whole image" in text


def test_show_of_a_recipe_that_follows_the_data():
    text = convatlas("recipes", "show", "small-data").out
    assert "Its values follow the data" in text


@pytest.mark.parametrize("name", ["resnet-cifar", "efficientnet", "small-data"])
def test_what_show_writes_can_be_trained_by(name, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(convatlas("recipes", "show", name, "--json").out)
    read = read_recipe(path)
    if name != "small-data":
        assert read.recipe.as_dict() == {**find(name).recipe.as_dict(), "name": name}
        assert read.epochs == find(name).epochs
    again = json.loads(convatlas("recipes", "show", str(path), "--json").out)
    assert again["recipe"] == {**json.loads(path.read_text())["recipe"], "name": "mine"}


def test_a_changed_file_differs_where_it_was_changed(tmp_path):
    path = tmp_path / "mine.json"
    values = json.loads(convatlas("recipes", "show", "resnet-cifar", "--json").out)
    values["recipe"]["weight_decay"] = 5e-4
    path.write_text(json.dumps(values))
    found = json.loads(convatlas("recipes", "diff", "resnet-cifar", str(path), "--json").out)
    differing = {row["field"] for row in found}
    assert "weight_decay" in differing
    assert differing <= {"weight_decay", "epochs", "scaling"}


def test_diff():
    text = convatlas("recipes", "diff", "resnet-cifar", "stochastic-depth-cifar").out
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert set(rows) == {"field", "epochs", "nesterov"}
    assert "164" in rows["epochs"]
    assert "500" in rows["epochs"]
    assert "section 4: without dampening" in rows["nesterov"]


def test_diff_as_json():
    found = json.loads(convatlas("recipes", "diff", "inception-v3", "inception-v4", "--json").out)
    by_field = {row["field"]: row for row in found}
    assert by_field["batch_size"]["first"]["value"] == 1600
    assert by_field["batch_size"]["second"]["value"] == 640
    assert by_field["aux"]["second"] is None


def test_a_recipe_does_not_differ_from_itself():
    assert json.loads(convatlas("recipes", "diff", "senet", "senet", "--json").out) == []


@pytest.mark.parametrize("arguments", [("show", "alexnet2021"), ("diff", "senet", "alexnet2021")])
def test_unknown_names_are_answered_with_the_nearest(arguments):
    result = convatlas("recipes", *arguments, code=2)
    assert "No recipe named 'alexnet2021'. Nearest: alexnet2012" in result.err


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "r.json").write_text("{")
    result = convatlas("recipes", "show", str(tmp_path / "r.json"), code=2)
    assert "Cannot read recipe" in result.err


def test_the_page_of_the_docs_is_what_the_script_writes():
    root = Path(__file__).parents[2]
    page = runpy.run_path(str(root / "benchmarks" / "recipes_page.py"))["page"]()
    written = (root / "docs" / "recipes.md").read_text()
    assert page == written, "docs/recipes.md is old: run benchmarks/recipes_page.py"


def test_lengths_are_counted_from_a_files_epochs(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(convatlas("recipes", "show", "resnet-cifar", "--json").out)
    from tests.training.recipes.test_plans import situation

    where = situation("resnet20_cifar", has=frozenset())
    assert read_recipe(path).plan(where, Length()).steps == 64_062
