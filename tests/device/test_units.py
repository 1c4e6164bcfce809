"""Times and sizes as people write them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from convatlas.device import bytes_of, format_bytes, format_seconds, seconds_of
from convatlas.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2ms", 0.002), ("0.5 s", 0.5), ("300us", 0.0003), ("1min", 60.0), (" 7 ns ", 7e-9),
        ("1.5h", 5400.0), (".5s", 0.5), ("5.s", 5.0), ("1e-3s", 0.001), ("2\u00b5s", 2e-6),
        ("2\u03bcs", 2e-6), ("0.1ms", 0.0001),
    ],
)  # fmt: skip
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("200kB", 200_000), ("200KB", 200_000), ("200KiB", 204_800), ("2MB", 2_000_000),
        ("1.5GiB", 1_610_612_736), ("0.1 kB", 100), ("1B", 1), ("1TB", 10**12), ("1e3B", 1000),
        ("1.2346kB", 1235),
    ],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("5", "has no unit"), ("5.0 ", "has no unit"), ("", "is not a"), ("  ", "is not a"),
        ("-1{}", "is not a"), ("0{}", "is zero"), ("0.0{}", "is zero"), ("nan", "is not a"),
        ("nan {}", "is not a"), ("inf{}", "is not a"), ("1e400{}", "out of range"),
        ("1e-400{}", "out of range"), ("1e9999{}", "is not a"), ("1,5{}", "is not a"),
        ("1 000{}", "is not a"), ("\u0665{}", "is not a"), ("5 parsec", "unknown unit 'parsec'"),
        ("{}", "is not a"), ("1..5{}", "is not a"), ("1_0{}", "is not a"), ("5 {} 5", "is not a"),
        ("1" * 100 + "{}", "is not a"),
    ],
)  # fmt: skip
def test_everything_else_is_quoted_and_answered_with_units_and_an_example(
    text: str, told: str
) -> None:
    for parse, unit, units, example_text in (
        (seconds_of, "ms", "ns, us, ms, s, min or h", "such as 2ms"),
        (bytes_of, "kB", "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB", "such as 200kB"),
    ):
        given_text = text.format(unit)
        with pytest.raises(UserError) as raised:
            parse(given_text)
        message = str(raised.value)
        assert told in message
        assert repr(given_text[:40])[:-1] in message
        assert units in message
        assert example_text in message


def test_units_of_the_other_kind_are_unknown() -> None:
    with pytest.raises(UserError, match="unknown unit 'kB'"):
        seconds_of("2kB")
    with pytest.raises(UserError, match="unknown unit 'ms'"):
        bytes_of("2ms")
    with pytest.raises(UserError, match="unknown unit 'mb'"):
        bytes_of("2mb")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00123456, "1.23 ms"), (0.0009996, "1 ms"), (0.000999, "999 us"), (45, "45 s"),
        (59.96, "1 min"), (-59.96, "-1 min"), (210.0, "3.5 min"), (0.0123, "12.3 ms"),
        (0, "0 ns"), (-0.5, "-500 ms"),
    ],
)  # fmt: skip
def test_shown_times(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1499, "1.5 kB"), (999_999, "1 MB"),
        (200_000, "200 kB"), (1_610_612_736, "1.61 GB"), (10**13, "10 TB"),
    ],
)  # fmt: skip
def test_shown_sizes(size: int, text: str) -> None:
    assert format_bytes(size) == text


@given(st.floats(1e-8, 1e5))
@example(9.995e-4)
@example(59.95)
@example(100.5)
def test_shown_times_parse_back_to_three_digits(seconds: float) -> None:
    assert seconds_of(format_seconds(seconds)) == pytest.approx(seconds, rel=0.0051)


@given(st.integers(1, 10**14))
def test_shown_sizes_parse_back_to_three_digits(size: int) -> None:
    assert bytes_of(format_bytes(size)) == pytest.approx(size, rel=0.0051)


@given(st.integers(1, 10**9), st.sampled_from([("us", 1e6), ("ms", 1e3), ("s", 1)]))
def test_written_times_are_correctly_rounded(number: int, unit: tuple[str, float]) -> None:
    if number / unit[1] <= 10**6:
        assert seconds_of(f"{number}{unit[0]}") == number / unit[1]


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused(text: str) -> None:
    for parse in (seconds_of, bytes_of):
        try:
            assert parse(text) > 0
        except UserError as error:
            assert "Write a number and a unit" in str(error)  # noqa: PT017  taken or refused are both right
