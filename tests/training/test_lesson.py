"""One net on one data set, from images to a bundle."""

import json
from dataclasses import replace

import numpy as np
import pytest

from convatlas import bundle
from convatlas.data import Material, open_dataset
from convatlas.errors import UnknownName, UserError
from convatlas.files import locked
from convatlas.models import spec_of
from convatlas.training import Lesson, recipe_for, teach
from tests.data.images import write_folder

WEIGHTS = "weights.safetensors"


class Stopped:
    """Progress that is interrupted at `done` of `phase`, like Ctrl-C there."""

    def __init__(self, phase=None, done=1):
        self.phase, self.done = phase, done
        self.seen = []

    def __call__(self, phase, done, total):
        self.seen.append(phase)
        if phase == self.phase and done >= self.done:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    root = write_folder(tmp_path_factory.mktemp("cows") / "cows", {"ant": 30, "bee": 25})
    return Lesson(
        data=str(root), variant="resnet8_small", width=0.25, steps=12, batch_size=8, threads=1
    )


@pytest.fixture(scope="module")
def whole(lesson, tmp_path_factory):
    """An uninterrupted run."""
    out = tmp_path_factory.mktemp("whole")
    said = []
    return out, teach(lesson, out, progress=Stopped(), say=said.append), said


def weights(out):
    return (out / "resnet8_small.bundle" / WEIGHTS).read_bytes()


def test_the_bundle_says_how_it_came_about(lesson, whole):
    out, result, said = whole
    loaded = bundle.load(out / "resnet8_small.bundle")
    info = loaded.info
    assert result["bundle"] == str(loaded.path)
    assert info.name == "resnet8_small on cows"
    assert (info.family, info.variant) == ("resnet_cifar", "resnet8_small")
    assert info.classes == ["ant", "bee"]
    assert info.spec["num_classes"] == 2
    assert info.spec["input_side"] == result["side"] == 8
    assert info.spec["width_multiplier"] == 0.25
    assert info.recipe == result["recipe"]
    assert (info.recipe["steps"], info.recipe["batch_size"], info.recipe["seed"]) == (12, 8, 0)
    assert info.metrics[0]["data"] == "cows/test"
    assert info.metrics[0]["top1_error"] == result["test"]["top1_error"]
    assert json.loads((out / "result.json").read_bytes()) == json.loads(json.dumps(result))
    assert said[:-1] == list(open_dataset(lesson.data).notes)
    assert said[-1] == (
        "resnet8_small at 8x8 by recipe small-data: learning rate 0.0625 at batch 8, which follows "
        "data and net; 12 steps of 8 images, 2.46 epochs of 39, as asked"
    )


def test_scores_are_those_of_the_bundle_on_the_test_images(lesson, whole):
    from convatlas.evaluation import evaluate, predictor_of

    out, result, _ = whole
    loaded = bundle.load(out / "resnet8_small.bundle")
    dataset = open_dataset(lesson.data)
    material = Material(dataset, out / "cache", threads=1, progress=Stopped())
    found = evaluate(
        predictor_of(loaded.net),
        material.pixels("test", 8),
        loaded.preprocessing,
        dataset.classes,
    )
    assert found.as_dict() == result["test"]
    assert found.n == len(dataset.test)


def test_finished_and_asked_again_it_gives_the_same(lesson, whole):
    out, result, _ = whole
    before = weights(out)
    again = teach(lesson, out, progress=Stopped("training"), say=lambda _: None)
    assert again["test"] == result["test"]
    assert weights(out) == before


def test_stopped_anywhere_it_ends_with_the_same_weights(lesson, whole, tmp_path):
    stops = [("training", 1), ("training", 7), ("training", 12), ("evaluating", 1)]
    for phase, done in stops:
        with pytest.raises(KeyboardInterrupt):
            teach(lesson, tmp_path, progress=Stopped(phase, done), say=lambda _: None)
        assert not (tmp_path / "result.json").exists()
        assert not (tmp_path / "resnet8_small.bundle").exists()
    result = teach(lesson, tmp_path, progress=Stopped(), say=lambda _: None)
    assert weights(tmp_path) == weights(whole[0])
    assert result["test"] == whole[1]["test"]
    assert result["steps"] == 12


def test_other_seeds_give_other_weights(lesson, whole, tmp_path):
    teach(replace(lesson, seed=1), tmp_path, progress=Stopped(), say=lambda _: None)
    assert weights(tmp_path) != weights(whole[0])


def test_threads_of_the_run_are_kept_and_said(lesson, whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        teach(lesson, tmp_path, progress=Stopped("training", 5), say=lambda _: None)
    said = []
    teach(replace(lesson, threads=2), tmp_path, progress=Stopped(), say=said.append)
    assert any("used 1 threads as the run was started with, not 2" in line for line in said)
    assert weights(tmp_path) == weights(whole[0])


def test_a_directory_in_use_is_refused(lesson, tmp_path):
    with locked(tmp_path), pytest.raises(UserError, match="in use by another convatlas process"):
        teach(lesson, tmp_path, progress=Stopped(), say=lambda _: None)
    assert [file.name for file in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"variant": "lenet5_small"}, "family is resnet_cifar there, lenet asked for"),
        ({"width": 0.5}, "spec.width_multiplier is 0.25 there, 0.5 asked for"),
        ({"steps": 13}, "recipe.steps is 12 there, 13 asked for"),
        ({"side": 12}, "spec.input_side is 8 there, 12 asked for"),
        ({"data": "digits"}, "spec.num_classes is 2 there, 10 asked for"),
    ],
)
def test_another_run_in_the_directory_is_not_written_over(lesson, whole, changes, words):
    out, before = whole[0], weights(whole[0])
    with pytest.raises(UserError, match="holds another training") as caught:
        teach(replace(lesson, **changes), out, progress=Stopped(), say=lambda _: None)
    assert words in str(caught.value)
    assert weights(out) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0.0}, "epochs=0; it must be"),
        ({"epochs": -1.0}, "epochs=-1; it must be"),
        ({"epochs": float("nan")}, "epochs=nan; it must be"),
        ({"epochs": float("inf")}, "epochs=inf; it must be"),
        ({"steps": 0}, "steps=0; it must be"),
        ({"side": 0}, "side=0; it must be"),
        ({"batch_size": 0}, "batch_size=0; it must be"),
        ({"threads": 0}, "threads=0; it must be"),
        ({"threads": 1025}, "threads=1025; it must be"),
        ({"seed": -1}, "seed=-1; it must be"),
        ({"seed": 2**32}, "seed=4294967296; it must be"),
    ],
)
def test_numbers_of_no_use_are_refused(lesson, changes, words):
    with pytest.raises(UserError, match=words):
        replace(lesson, **changes)


def test_what_needs_no_image_is_refused_before_one_is_read(lesson, tmp_path):
    seen = Stopped()
    for changes, error in [
        ({"variant": "resnet8_smal"}, UnknownName),
        ({"width": 0.0}, UserError),
        ({"width": float("nan")}, UserError),
    ]:
        with pytest.raises(error):
            teach(replace(lesson, **changes), tmp_path / "out", progress=seen, say=lambda _: None)
    assert not (tmp_path / "out").exists()
    assert seen.seen == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": None, "epochs": 0.01}, r"epochs=0.01 of \d+ training images make no step of 8"),
        ({"variant": "lenet5_small", "side": 4}, "input_side=4 is too small"),
        ({"changes": {"learning_rate": float("nan")}}, "learning_rate=nan"),
        ({"changes": {"learning_rate": -1.0}}, "learning_rate=-1.0"),
        ({"steps": None, "epochs": 1e12}, "steps="),
    ],
)
def test_what_does_not_fit_the_data_is_refused(lesson, tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        teach(replace(lesson, **changes), tmp_path, progress=Stopped(), say=lambda _: None)
    assert not (tmp_path / "result.json").exists()


def test_epochs_become_steps(lesson, tmp_path):
    images = len(open_dataset(lesson.data).train)
    asked = replace(lesson, steps=None, epochs=0.5, changes={"learning_rate": 0.03})
    result = teach(asked, tmp_path, progress=Stopped(), say=lambda _: None)
    assert result["steps"] == round(images / 2 / 8)
    assert result["recipe"]["learning_rate"] == 0.03


@pytest.mark.parametrize(("native", "side"), [(4, 8), (12, 12), (40, 32)])
def test_the_side_is_the_data_s_own_up_to_the_net_s(lesson, tmp_path, native, side):
    root = write_folder(tmp_path / "data", {"ant": 8, "bee": 8}, side=native)
    asked = replace(lesson, data=str(root), steps=1)
    result = teach(asked, tmp_path / "out", progress=Stopped(), say=lambda _: None)
    assert result["side"] == side


def test_recipes_depend_on_norms(lesson, tmp_path):
    dataset = open_dataset(lesson.data)
    material = Material(dataset, tmp_path, threads=1, progress=Stopped())

    def recipe(variant):
        spec = spec_of(variant, num_classes=2, in_channels=3, input_side=8)
        return recipe_for(material, variant, spec, steps=50, seed=4)

    assert recipe("resnet8_small").optimizer == "sgd"
    assert recipe("lenet5_small").optimizer == "adamw"
    assert recipe("lenet5_small").augmentation == material.augmentation
    assert recipe("lenet5_small").label_smoothing == 0.05
    assert (recipe("lenet5_small").steps, recipe("lenet5_small").seed) == (50, 4)
    assert np.isclose(recipe("resnet8_small").learning_rate, 0.25 * (64 / 128) ** 0.5)
