import pytest

from convatlas.reports import _units as units


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (4.12e-4, "0.41 ms"),
        (8e-4, "0.80 ms"),
        (4.1e-6, "4.1 \u00b5s"),
        (0.00999, "9.99 ms"),
        (2.5, "2.5 s"),
        (200, "3 min 20 s"),
        (3900, "1 h 5 min"),
        (None, units.MISSING),
        (float("nan"), units.MISSING),
    ],
)
def test_seconds(value, written):
    assert units.seconds(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0 B"), (999, "999 B"), (212_345, "212 kB"), (999_700, "1.00 MB"), (1_204_000, "1.20 MB")],
)
def test_size(value, written):
    assert units.size(value) == written


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (5e-3, "s", "5 ms"),
        (1.2e-3, "s", "1.2 ms"),
        (1e6, "bytes", "1 MB"),
        (2e5, "bytes", "200 kB"),
    ],
)
def test_limit_has_no_zeros_that_nobody_wrote(value, unit, written):
    assert units.limit(value, unit) == written


def test_interval_is_wilsons():
    # Wilson's score interval of 8 out of 10: 0.490 to 0.943.
    assert units.interval(80, 10) == pytest.approx((49.0, 94.3), abs=0.05)
    low, high = units.interval(100, 50)
    assert low < 100
    assert high == pytest.approx(100)
