from time import sleep

import pytest

from convatlas.choosing._clock import Clock


def test_time_is_kept_through_a_stop(tmp_path):
    clock = Clock(tmp_path / "clock.json", total_s=10)
    with clock.phase("searching"):
        sleep(0.05)
    again = Clock(tmp_path / "clock.json", total_s=10)
    assert again.phases["searching"] >= 0.05
    with again.phase("searching"):
        sleep(0.05)
    assert again.phases["searching"] >= 0.1
    assert again.left_s == pytest.approx(10 - again.used_s)


def test_time_is_counted_when_the_phase_fails(tmp_path):
    clock = Clock(tmp_path / "clock.json", total_s=10)

    def fail() -> None:
        with clock.phase("searching"):
            sleep(0.02)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert Clock(tmp_path / "clock.json", total_s=10).phases["searching"] >= 0.02
