"""The learning rate and the side of every step, by hand, and their shape under shortening."""

import math
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from convatlas.data import normalise
from convatlas.errors import UserError
from convatlas.models import spec_of
from convatlas.training import Recipe
from convatlas.training._batches import Batches
from convatlas.training._recipe_check import check_schedule, check_sides
from convatlas.training._schedule import (
    learning_rate,
    mean_area,
    plateau_decays,
    side_at,
    sides,
)
from tests.training.small import PREPROCESSING, RECIPE, Breaker, Small, digest, images

COSINE = [(1 + math.cos(math.pi * k / 8)) / 2 for k in range(8)]
SCHEDULES = {  # of 8 steps at a rate of 1, without a warm-up
    "cosine": ({}, COSINE),
    "linear": ({}, [1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]),
    "polynomial": ({"power": 2.0}, [k * k / 64 for k in (8, 7, 6, 5, 4, 3, 2, 1)]),
    "steps": ({"milestones": (0.25, 0.75), "decay_factor": 0.1}, [1, 1, *[0.1] * 4, 0.01, 0.01]),
    "exponential": (
        {"decay_every": 0.25, "decay_factor": 0.5},
        [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
    ),
    "plateau": ({}, [1] * 8),
    "constant": ({}, [1] * 8),
}
WARMUPS = {  # of 8 steps after 4 steps
    "none": ({"warmup_share": 0.0}, []),
    "linear": ({"warmup_share": 1 / 3}, [0.25, 0.5, 0.75, 1.0]),
    "linear from a fifth": ({"warmup_share": 1 / 3, "warmup_start": 0.2}, [0.4, 0.6, 0.8, 1.0]),
    "constant": ({"warmup_share": 1 / 3, "warmup": "constant", "warmup_start": 0.1}, [0.1] * 4),
}


def rates(recipe, **plateau):
    return [learning_rate(recipe, step, **plateau) for step in range(recipe.steps)]


@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize("schedule", ["cosine", "linear", "polynomial"])
def test_what_falls_to_the_end_begins_to_fall_after_the_warm_up(schedule, warmup):
    changes, after = SCHEDULES[schedule]
    rising, before = WARMUPS[warmup]
    recipe = Recipe(
        schedule=schedule, learning_rate=3.0, steps=8 + len(before), **changes, **rising
    )
    assert rates(recipe) == pytest.approx([3 * x for x in [*before, *after]])


@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize("schedule", ["steps", "exponential", "plateau", "constant"])
def test_places_count_from_the_run_s_beginning(schedule, warmup):
    changes, whole = SCHEDULES[schedule]
    rising, before = WARMUPS[warmup]
    if before:  # the same places, of a run of 12 steps
        whole = {
            "steps": [1, 1, 1, *[0.1] * 6, *[0.01] * 3],
            "exponential": [1, 1, 1, *[0.5] * 3, *[0.25] * 3, *[0.125] * 3],
        }.get(schedule, [1] * 12)
    recipe = Recipe(schedule=schedule, learning_rate=3.0, steps=len(whole), **changes, **rising)
    assert rates(recipe) == pytest.approx([3 * x for x in [*before, *whole[len(before) :]]])


def test_a_plateau_s_decays_lower_the_rate_after_the_warm_up_only():
    recipe = Recipe(
        schedule="plateau", learning_rate=2.0, decay_factor=0.1, steps=10, warmup_share=0.2
    )
    assert rates(recipe, decays=2) == pytest.approx([1.0, 2.0, *[0.02] * 8])


@pytest.mark.parametrize(
    ("steps", "share", "first"),
    [
        (10, 0.34, 3),
        (10, 0.36, 4),
        (64_000, 0.5, 32_000),  # ResNet's CIFAR recipe, section 4.2
        (64_000, 0.75, 48_000),
        (30, 1 / 3, 10),  # 1/3 is no number of this kind, yet a third of 30 is 10
        (30, 0.999, 30),  # past the last step
    ],
)
def test_milestones_are_rounded_to_the_nearest_step(steps, share, first):
    recipe = Recipe(schedule="steps", steps=steps, milestones=(share,), warmup_share=0)
    assert learning_rate(recipe, first - 1) == 0.1
    if first < steps:
        assert learning_rate(recipe, first) == pytest.approx(0.01)


def test_decays_at_round_shares_come_in_time():
    """0.1 + 0.1 + ... is not 1 in binary: no decay may come a step late."""
    recipe = Recipe(
        schedule="exponential", steps=1000, decay_every=0.1, decay_factor=0.5, warmup_share=0
    )
    found = rates(recipe)
    falls = [step for step in range(1, 1000) if found[step] < found[step - 1]]
    assert falls == [100 * k for k in range(1, 10)]


@given(st.integers(1, 500), st.floats(0, 1), st.data())
def test_every_step_learns_something(steps, share, data):
    schedule = data.draw(st.sampled_from(["cosine", "linear", "polynomial"]))
    recipe = Recipe(learning_rate=1.0, steps=steps, warmup_share=share, schedule=schedule)
    assert 0 < learning_rate(recipe, data.draw(st.integers(0, steps - 1))) <= 1


@given(
    st.sampled_from(list(SCHEDULES)),
    st.sampled_from(list(WARMUPS)),
    st.sampled_from([0.05, 0.1, 0.25]),
    st.integers(40, 300),
    st.integers(2, 50),
    st.data(),
)
def test_a_longer_run_has_the_same_shape(schedule, warmup, share, steps, factor, data):
    """At the same share of the run, the rate of a run `factor` times as long lies between the short
    one's in the step before and the step after; a step of its warm-up counts for one rise."""
    rising = {**WARMUPS[warmup][0]}
    if warmup != "none":
        rising["warmup_share"] = share
    short = Recipe(
        schedule=schedule, learning_rate=1.0, steps=steps, **SCHEDULES[schedule][0], **rising
    )
    step = data.draw(st.integers(0, steps - 1))
    near = [learning_rate(short, s) for s in (step - 1, step, step + 1) if 0 <= s < steps]
    rise = 1 / round(share * steps) if warmup.startswith("linear") and step < share * steps else 0
    last = 1 / (steps * (1 - short.warmup_share)) if step == steps - 1 else 0  # none comes after
    found = learning_rate(replace(short, steps=factor * steps), factor * step)
    assert min(near) - rise - last - 1e-9 <= found <= max(near) + 1e-9


@pytest.mark.parametrize(
    ("errors", "decays"),
    [
        ([], 0),
        ([50, 40, 30, 20], 0),
        ([50, 50], 0),  # one without a lower error
        ([50, 50, 50], 1),  # equal is not lower
        ([50, 60, 55], 1),
        ([50, 60, 49, 50, 60], 1),  # 49 begins a new count
        ([50, 51, 52, 51], 1),  # the count begins anew after a decay
        ([50, 51, 52, 51, 50], 2),
        ([50, 51, 52, 49, 50, 51], 2),
        ([50] * 7, 3),
        ([50] * 100, 3),  # `decays` at most
    ],
)
def test_plateaus_by_hand(errors, decays):
    recipe = Recipe(schedule="plateau", patience=2, decays=3)
    assert plateau_decays(recipe, [float(error) for error in errors]) == decays


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 4), st.integers(0, 5))
def test_what_has_been_lowered_stays(errors, patience, decays):
    recipe = Recipe(schedule="plateau", patience=patience, decays=decays)
    found = [plateau_decays(recipe, errors[:n]) for n in range(len(errors) + 1)]
    assert found == sorted(found)
    assert found[-1] <= decays
    assert all(b - a <= 1 for a, b in pairwise(found))


PLATEAU = Small(
    recipe=replace(
        RECIPE, schedule="plateau", patience=1, decays=9, decay_factor=0.5, learning_rate=0.5
    )
)


def test_a_plateau_stopped_anywhere_goes_on_bit_for_bit(tmp_path):
    whole = PLATEAU.run(tmp_path / "whole")
    found = [entry["learning_rate"] for entry in whole.history]
    assert len(set(found[3:])) > 2  # after the warm-up it fell more than once
    errors = [100 - entry["accuracy"] for entry in whole.validation]
    for entry in whole.history[2:]:
        seen = [
            e for e, v in zip(errors, whole.validation, strict=True) if v["step"] < entry["step"]
        ]
        fallen = plateau_decays(PLATEAU.recipe, seen)
        assert entry["learning_rate"] == 0.5 * 0.5**fallen
    for step in (9, 14):
        with pytest.raises(KeyboardInterrupt):
            PLATEAU.run(tmp_path / "cut", progress=Breaker(step, KeyboardInterrupt))
    again = PLATEAU.run(tmp_path / "cut")
    assert digest(again.net) == digest(whole.net)
    assert again.history == whole.history


@pytest.mark.parametrize(
    ("changes", "validated", "words"),
    [
        ({"schedule": "plateau"}, False, "schedule='plateau' of recipe 'mine' follows the valid"),
        ({"schedule": "steps"}, True, "schedule='steps' of recipe 'mine' has no milestones"),
        ({"warmup": "constant"}, True, "first 100 steps at a learning rate of 0. Set warmup_start"),
    ],
)
def test_schedules_of_no_use_are_refused(changes, validated, words):
    recipe = Recipe(name="mine", **changes)
    with pytest.raises(UserError, match=words):
        check_schedule(recipe, validated=validated)
    check_schedule(replace(recipe, schedule="cosine", warmup="linear"), validated=False)


def test_a_plateau_without_validation_images_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UserError, match="there are no validation images"):
        replace(PLATEAU, val=None).run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_sides_by_hand():
    recipe = Recipe(steps=100, first_side=0.5, full_side_at=0.5)
    #  16 + 16 step / 50, to the nearest even number; halves of pairs to the even pair
    found = {step: side_at(recipe, step, 32) for step in (0, 3, 4, 10, 25, 46, 47, 50, 99)}
    assert found == {0: 16, 3: 16, 4: 18, 10: 20, 25: 24, 46: 30, 47: 32, 50: 32, 99: 32}
    assert [side_at(recipe, step, 33) for step in (0, 49, 50)] == [16, 32, 33]
    assert {side_at(Recipe(steps=10), step, 33) for step in range(10)} == {33}
    assert side_at(replace(recipe, full_side_at=0.0), 0, 32) == 32


def test_the_mean_area_by_hand():
    """Of 4 steps two at 16 and 24 of 32 pixels: (1/4 + 9/16 + 1 + 1) / 4."""
    recipe = Recipe(steps=4, first_side=0.5, full_side_at=0.5)
    assert mean_area(recipe, 32) == (0.25 + 0.5625 + 2) / 4
    assert mean_area(Recipe(steps=4), 32) == 1


@given(
    st.integers(1, 300), st.floats(0.1, 1), st.floats(0, 1), st.integers(2, 300), st.integers(2, 9)
)
def test_sides_grow_and_keep_their_shape(steps, first, end, side, factor):
    recipe = Recipe(steps=steps, first_side=first, full_side_at=end)
    found = [side_at(recipe, step, side) for step in range(steps)]
    assert found == sorted(found)
    assert all(1 < one <= side and (one % 2 == 0 or one == side) for one in found)
    assert set(found) <= set(sides(recipe, side))
    longer = replace(recipe, steps=factor * steps)
    assert [side_at(longer, factor * step, side) for step in range(steps)] == found


def test_smaller_images_are_the_same_ones_made_smaller():
    pixels = images(32)
    recipe = replace(RECIPE, batch_size=32, first_side=0.5, full_side_at=0.5)
    whole = Batches(pixels, PREPROCESSING, replace(recipe, first_side=1.0))
    growing = Batches(pixels, PREPROCESSING, recipe)
    for step, side in ((0, 4), (5, 6), (9, 8), (10, 8)):
        small, full = growing.make(step), whole.make(step)
        assert small.images.shape == (32, 1, side, side)
        assert small.labels.tolist() == full.labels.tolist()
        grey = (full.images * 0.25 + 0.5).mul(255).round().to(int).numpy().astype(np.uint8)
        made = [
            Image.fromarray(one[0]).resize((side, side), Image.Resampling.BILINEAR) for one in grey
        ]
        expected = normalise(np.stack(made)[..., None], PREPROCESSING)
        level = 1 / 255 / 0.25  # torch rounds once, Pillow after each axis
        assert (small.images - expected).abs().max() <= 1.01 * level


def test_sides_a_net_cannot_take_are_refused():
    half = Recipe(name="mine", first_side=0.5)
    fixed = spec_of("lenet5_small", input_side=28, num_classes=10)
    with pytest.raises(UserError, match=r"first_side=0.5 of recipe 'mine' shows images of 14 pix"):
        check_sides("lenet", asdict(fixed), half)
    check_sides("lenet", asdict(fixed), Recipe())
    check_sides("resnet_cifar", asdict(spec_of("resnet8_small", input_side=32)), half)
