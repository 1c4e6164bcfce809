import pytest

from convatlas.choosing._budget import Budgets, Kept
from convatlas.choosing._candidates import input_sides
from convatlas.choosing._nearest import nearest
from convatlas.errors import UserError
from tests.choosing.made import candidate


def test_nearest_names_the_smallest_excess():
    listed = [
        candidate("big", size_bytes=9_000, state="too large"),
        candidate("small", size_bytes=2_000, state="too large"),
    ]
    text = nearest(listed, Budgets(size_bytes=1_000))
    assert "small" in text
    assert "2 times" in text


def test_nearest_weighs_the_worst_of_several_budgets():
    quick = candidate("quick", size_bytes=5_000, latency={"q3_s": 0.001}, state="too large")
    light = candidate("light", size_bytes=500, latency={"q3_s": 0.003}, state="too slow")
    text = nearest([quick, light], Budgets(size_bytes=1_000, latency_s=0.001))
    assert "light" in text
    assert "3 times" in text


def test_nothing_builds():
    with pytest.raises(UserError, match="No net of the zoo builds"):
        nearest([], Budgets())


@pytest.mark.parametrize(
    ("native", "small", "expected"),
    [
        (8, True, (8, 16, 32)),
        (28, True, (20, 28, 32)),
        (32, True, (24, 32)),
        (400, True, (48, 64)),
        (32, False, ()),
        (150, False, (96, 112, 128)),
    ],
)
def test_input_sides(native, small, expected):
    assert input_sides(native, small=small) == expected


def test_a_budget_is_kept_up_to_what_was_asked():
    kept = Kept(what="size", unit="bytes", asked=100, measured=100, conditions="")
    broken = Kept(what="size", unit="bytes", asked=100, measured=101, conditions="")
    assert kept.kept
    assert not broken.kept


def test_budgets_above_zero():
    with pytest.raises(UserError, match="latency_s=0"):
        Budgets(latency_s=0)
