"""Mixed precision is used where steps are faster with it, as measured once for a run."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from convatlas.models import spec_of
from convatlas.training import (
    Lesson,
    PrecisionTimes,
    Recipe,
    _plan,
    _precision,
    precision_that_pays,
    teach,
)
from convatlas.training._precision import remembered_precision
from tests.data.images import write_folder

SPEC = spec_of("lenet5_small", input_side=8, in_channels=1, num_classes=3)
TIMES = PrecisionTimes(
    device="cpu", threads=1, images=4, steps=3, float32_s=1.0, bfloat16_s=0.5, gain=2.0
)


def measured(**changes):
    recipe = Recipe(batch_size=6, **changes)
    return precision_that_pays("lenet", SPEC, recipe, threads=1, seconds=0.0)


def scripted(monkeypatch, float32, bfloat16):
    """Steps take these seconds, one after the other."""
    left = {"float32": list(float32), "bfloat16": list(bfloat16)}
    asked = []

    def seconds(learner, images, labels):
        asked.append((learner.recipe.precision, len(images)))
        return left[learner.recipe.precision].pop(0)

    monkeypatch.setattr(_precision, "_step_seconds", seconds)
    return asked


def test_the_gain_by_hand(monkeypatch):
    """The first step of each is a warm-up; gains of the turns are 2, 1 and 4."""
    asked = scripted(monkeypatch, [9, 2, 3, 8], [99, 1, 3, 2])
    found = measured(mixup=0.2, micro_batches=2)
    assert found == PrecisionTimes(
        device="cpu", threads=1, images=3, steps=3, float32_s=3, bfloat16_s=2, gain=2.0
    )
    assert asked == [("float32", 3), ("bfloat16", 3)] * 4  # by turns


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [(0.5, "bfloat16"), (0.9, "bfloat16"), (0.95, "float32"), (4.0, "float32")],
)
def test_digits_are_given_up_for_a_tenth_of_the_time_at_least(monkeypatch, seconds, chosen):
    scripted(monkeypatch, [1.0] * 4, [seconds] * 4)
    assert measured().chosen == chosen


def test_real_steps_are_taken_in_both_precisions(monkeypatch):
    entered = []
    autocast = torch.autocast

    def noted(*args):
        entered.append(args)
        return autocast(*args)

    monkeypatch.setattr(torch, "autocast", noted)
    threads, drawn = torch.get_num_threads(), torch.random.get_rng_state()
    found = measured()
    assert found.steps == 3
    assert entered == [("cpu", torch.bfloat16)] * 4
    assert min(found.float32_s, found.bfloat16_s, found.gain) > 0
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), drawn)


def test_large_images_are_measured_in_smaller_batches(monkeypatch):
    asked = scripted(monkeypatch, [1.0] * 4, [1.0] * 4)
    spec = spec_of("resnet8_small", input_side=224, in_channels=1, num_classes=3)
    precision_that_pays("resnet_cifar", spec, Recipe(batch_size=64), threads=1, seconds=0.0)
    assert {images for _, images in asked} == {5}  # 2^18 / 224^2


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b'{"chosen": 3}', b'{"chosen": "f"}'])
def test_what_was_measured_is_remembered_and_measured_again_only_if_lost(tmp_path, content):
    path = tmp_path / "precision.json"
    if content is not None:
        path.write_bytes(content)
    asked = []

    def measure():
        asked.append(1)
        return TIMES

    assert [remembered_precision(tmp_path, measure) for _ in range(3)] == ["bfloat16"] * 3
    assert len(asked) == 1
    assert json.loads(path.read_bytes()) == {"chosen": "bfloat16", **asdict(TIMES)}


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    root = write_folder(tmp_path_factory.mktemp("cows") / "cows", {"ant": 20, "bee": 20})
    return Lesson(data=str(root), variant="lenet5_small", side=8, steps=4, batch_size=8, threads=1)


def taught(lesson, out):
    teach(lesson, out, progress=lambda *_: None, say=lambda _: None)
    return json.loads((out / "run" / "run.json").read_bytes())["recipe"]["precision"]


def test_a_run_taken_up_again_keeps_what_was_measured_when_it_began(lesson, tmp_path, monkeypatch):
    lesson = replace(lesson, precision="auto")
    given = iter([TIMES, replace(TIMES, gain=0.5)])
    monkeypatch.setattr(_plan, "precision_that_pays", lambda *_, **__: next(given))
    assert taught(lesson, tmp_path / "one") == "bfloat16"
    assert taught(lesson, tmp_path / "one") == "bfloat16"  # nothing was measured, nothing refused
    assert taught(lesson, tmp_path / "two") == "float32"


@pytest.mark.parametrize(
    ("recipe", "asked", "changes", "used"),
    [
        ("small-data", None, {}, "float32"),
        ("small-data", None, {"precision": "bfloat16"}, "bfloat16"),
        ("small-data", "bfloat16", {}, "bfloat16"),
        ("fast", "bfloat16", {}, "bfloat16"),
        ("fast", None, {"precision": "float32"}, "float32"),
        ("fast", "float32", {"precision": "bfloat16"}, "float32"),
    ],
)
def test_what_is_asked_for_is_used_and_nothing_measured(
    lesson, tmp_path, monkeypatch, recipe, asked, changes, used
):
    monkeypatch.setattr(_plan, "precision_that_pays", None)
    lesson = replace(lesson, recipe=recipe, precision=asked, changes=changes)
    assert taught(lesson, tmp_path) == used
    assert not (tmp_path / "precision.json").exists()


def test_a_recipe_that_says_so_measures_where_nobody_chose(lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(_plan, "precision_that_pays", lambda *_, **__: TIMES)
    assert taught(replace(lesson, recipe="fast"), tmp_path) == "bfloat16"
