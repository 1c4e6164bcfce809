from pathlib import Path

import pytest

from convatlas.choosing import Budgets, Request
from convatlas.errors import UserError


def request(out: Path, **changes: object) -> Request:
    given = {"data": "digits", "budgets": Budgets(size_bytes=200_000), "out": out, **changes}
    return Request(**given)


def test_the_same_request_may_go_on(tmp_path):
    request(tmp_path).check_place()
    request(tmp_path).claim()
    request(tmp_path).check_place()


def test_another_request_is_refused_and_the_difference_named(tmp_path):
    request(tmp_path).claim()
    with pytest.raises(UserError, match=r"seed was 0, is 1.*--out"):
        request(tmp_path, seed=1).check_place()


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_impossible_minutes_are_refused(tmp_path, minutes):
    with pytest.raises(UserError, match="--minutes"):
        request(tmp_path, minutes=minutes)


def test_machines_share_a_study_only_for_one_request_and_one_set_of_images(tmp_path):
    name = request(tmp_path / "here").study_name("images")
    assert request(tmp_path / "there").study_name("images") == name
    assert request(tmp_path, seed=1).study_name("images") != name
    assert request(tmp_path).study_name("other images") != name
