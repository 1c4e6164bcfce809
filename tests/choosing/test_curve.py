import pytest
from hypothesis import given
from hypothesis import strategies as st

from convatlas.choosing._curve import expected_error

MANY = 10**6


def test_one_training_says_only_what_it_reached():
    assert expected_error([(5, 0.2)], 500, MANY) == pytest.approx(0.2, rel=1e-3)


def test_a_power_law_is_continued():
    falling = [(s, 0.4 * s**-0.2) for s in (5, 15)]
    assert expected_error(falling, 405, MANY) == pytest.approx(0.4 * 405**-0.2, rel=1e-3)


def test_a_net_that_still_falls_beats_one_that_has_settled():
    quick, slow = [(6, 0.20), (18, 0.15)], [(6, 0.28), (18, 0.17)]
    assert expected_error(slow, 500, MANY) < expected_error(quick, 500, MANY)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(20, 1e5), st.integers(1, 10**6))
def test_never_above_the_last_and_never_steeper_than_believed(first, last, seconds, n):
    found = expected_error([(5, first), (15, last)], seconds, n)
    smoothed = (last * n + 0.5) / (n + 1)
    assert 0 < found <= smoothed
