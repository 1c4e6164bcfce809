"""How a recomputed figure relates to a printed one."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from convatlas.facts import compare

integers = st.integers(min_value=1, max_value=10**13)
digits = st.integers(min_value=0, max_value=11)


def printed_with(measured: int, places: int, rounding: str) -> str:
    """`measured` in scientific notation with `places` digits after the point."""
    first = Decimal(measured).adjusted()
    unit = Decimal(1).scaleb(first - places)
    mantissa = (Decimal(measured) / unit).quantize(Decimal(1), rounding).scaleb(-places)
    return f"{mantissa}e{first}"


@given(integers)
@example(60_000)
def test_the_figure_itself_is_exact(measured):
    assert compare(str(measured), measured) == "exact"


@given(integers, digits)
@example(2_500_000, 0)
@example(9_999_999, 2)
def test_half_up_rounding_agrees(measured, places):
    printed = printed_with(measured, places, "ROUND_HALF_UP")
    exact = Decimal(printed) == measured
    assert compare(printed, measured) == ("exact" if exact else "rounds")


@given(integers, digits)
@example(3_470_760, 1)
def test_cutting_is_told_from_rounding(measured, places):
    printed = printed_with(measured, places, "ROUND_DOWN")
    if Decimal(printed) == measured:
        expected = "exact"
    elif printed == printed_with(measured, places, "ROUND_HALF_UP"):
        expected = "rounds"
    else:
        expected = "truncates"
    assert compare(printed, measured) == expected


@given(st.integers(min_value=10**3, max_value=10**9), st.integers(min_value=2, max_value=10**4))
def test_two_units_of_the_last_digit_away_differs(measured, away):
    mantissa = measured + away
    printed = f"{mantissa // 10}.{mantissa % 10}e6"
    assert compare(printed, measured * 100_000) == "differs"


@given(st.integers(min_value=1, max_value=999), st.integers(min_value=1, max_value=9))
def test_trailing_zeros_of_an_integer_claim_nothing(significant, zeros):
    unit = 10**zeros
    plain = significant // 10 * 10 + 1  # last digit is not a zero
    assert compare(str(plain * unit), plain * unit + unit // 2 - 1) in ("rounds", "exact")
    assert compare(str(plain * unit), plain * unit + unit - 1) == "truncates"
    assert compare(str(plain * unit), plain * unit - unit) == "differs"


@given(st.integers(min_value=1, max_value=9_999), st.integers(min_value=1, max_value=6))
def test_zeros_after_the_point_claim_precision(whole, zeros):
    printed = f"{whole}.{'0' * zeros}e9"
    half = 5 * 10 ** (8 - zeros)
    assert compare(printed, whole * 10**9 + half - 1) == "rounds"
    assert compare(printed, whole * 10**9 + half) == "truncates"
    assert compare(printed, whole * 10**9 + 2 * half) == "differs"


@pytest.mark.parametrize(
    ("printed", "measured", "verdict"),
    [
        ("60000", 60_000, "exact"),
        ("60000", 64_999, "rounds"),
        ("60000", 65_000, "truncates"),
        ("60000", 70_000, "differs"),
        ("6.0000e4", 60_001, "differs"),
        ("3.86e9", 3_857_973_248, "rounds"),
        ("25.6e6", 25_557_032, "rounds"),
        ("290e6", 290_675_200, "truncates"),
        ("291e6", 290_675_200, "rounds"),
        ("0.5e6", 470_072, "rounds"),
        ("569E6", 568_740_352, "rounds"),
        ("1.5", 1.5, "exact"),
        ("1.5", 1.45, "rounds"),
    ],
)
def test_examples(printed, measured, verdict):
    assert compare(printed, measured) == verdict
