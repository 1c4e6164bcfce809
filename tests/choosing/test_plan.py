import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convatlas.choosing._plan import REDUCTION, Plan, plan


@given(st.floats(1, 1e6), st.integers(2, 500))
def test_the_search_takes_its_share_and_each_round_a_third(left_s, listed):
    rounds = plan(left_s, listed).rounds
    total = sum(r.candidates * r.seconds_each for r in rounds)
    assert total == pytest.approx(0.38 * left_s)
    assert rounds[0].candidates <= listed
    for earlier, later in itertools.pairwise(rounds):
        assert later.candidates < earlier.candidates
        assert later.candidates >= earlier.candidates / REDUCTION
        assert later.seconds_each == pytest.approx(REDUCTION * earlier.seconds_each)


def test_one_candidate_needs_no_search():
    assert plan(100, 1).rounds == ()


def test_three_minutes_try_a_dozen_nets_for_more_than_a_second():
    first = plan(160, 60).rounds[0]
    assert 10 <= first.candidates <= 24
    assert first.seconds_each > 1


def test_a_plan_survives_json():
    planned = plan(160, 60)
    assert Plan.from_dict(planned.as_dict()) == planned
