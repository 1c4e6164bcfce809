"""Protocols as text: there and back, and mistakes that are pointed at."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convatlas.errors import UserError
from convatlas.evaluation.protocols import (
    OPTIONS,
    Dense,
    Flip,
    InceptionCrops,
    Mistake,
    MultiCrop,
    MultiScale,
    SingleCrop,
    Sum,
    TenCrop,
    listing,
    parse,
)
from convatlas.evaluation.protocols._parse import KINDS

sizes = st.integers(1, 8192)
crops = st.none() | st.integers(1, 64)
resizes = st.none() | st.integers(64, 8192)
several = st.lists(st.integers(64, 8192), max_size=5, unique=True).map(tuple)
ways = st.sampled_from([None, "bilinear", "bicubic"])
areas, averages = st.sampled_from(["square", "whole"]), st.sampled_from(["probabilities", "logits"])
single = st.builds(SingleCrop, resizes, crops, ways)
flippable = single | st.builds(
    Dense, several, st.sampled_from(["mean", "max"]), st.just("no"), ways
)
scalable = st.builds(SingleCrop, st.none(), crops, ways) | st.builds(
    TenCrop, st.none(), crops, ways, areas, averages
)
simple = (
    single
    | st.builds(TenCrop, resizes, crops, ways, areas, averages)
    | st.builds(MultiCrop, several, crops, st.integers(1, 32), ways, areas, averages)
    | st.builds(InceptionCrops, several, crops, ways, averages)
    | st.builds(
        Dense, several, st.sampled_from(["mean", "max"]), st.sampled_from(["yes", "no"]), ways
    )
    | st.builds(Flip, flippable)
    | st.builds(MultiScale, scalable, several.filter(len))
)
protocols = simple | st.lists(simple, min_size=2, max_size=4).map(tuple).map(Sum)


def mistake_in(text):
    try:
        parse(text)
    except Mistake as mistake:
        return mistake
    return None


@settings(max_examples=80, deadline=None)
@given(protocols)
def test_text_and_back(protocol):
    text = str(protocol)
    assert parse(text) == protocol
    assert str(parse(text)) == text
    spaced = text.replace("(", " ( ").replace(",", " ,").replace("=", " = ").replace("+", "\t+\n")
    assert parse(spaced) == protocol
    assert parse(f"(({text}))") == protocol


@settings(max_examples=80, deadline=None)
@given(protocols, st.integers(0, 10_000), st.sampled_from("(),=+;*0aQ \n\x00\u00e9"))
def test_a_changed_letter_gives_a_protocol_or_a_place(protocol, place, letter):
    text = str(protocol)
    place %= len(text)
    for changed in (text[:place] + letter + text[place:], text[:place] + text[place + 1 :]):
        mistake = mistake_in(changed)
        if mistake is not None:
            assert 0 <= mistake.start <= len(changed)
            assert mistake.start <= mistake.end
            assert "^" in str(mistake)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_a_protocol_or_a_place(text):
    mistake = mistake_in(text)
    if mistake is not None:
        assert str(mistake).replace("\n", "").isprintable()


@settings(max_examples=60, deadline=None)
@given(protocols, st.sampled_from(["single_crop", "ten_crop", "multi_crop", "dense"]), st.data())
def test_a_misspelt_name_is_pointed_at_and_the_nearest_named(protocol, name, data):
    place = data.draw(st.integers(1, len(name) - 1))
    wrong = name[:place] + "q" + name[place:]
    text = f"{protocol} + {wrong}(256)"
    with pytest.raises(Mistake, match=f"No protocol named {wrong!r}. Nearest: {name}") as caught:
        parse(text)
    assert text[caught.value.start : caught.value.end] == wrong
    assert carets(caught.value) == wrong


def carets(mistake):
    """What the carets of the message stand under."""
    shown, marks = str(mistake).split("\n")[-2:]
    return shown[marks.index("^") : marks.rindex("^") + 1]


@pytest.mark.parametrize(
    ("text", "under", "message"),
    [
        ("tencrop(256)", "tencrop", "Nearest: ten_crop"),
        ("dense(256)) + ten_crop", ")", "Here may stand '+' and another protocol, or nothing"),
        ("ten_crop(256, 224, 3)", "3", "One number too many: ten_crop(resize=, crop="),
        ("ten_crop(crop=300, resize=256)", "300", "a crop of 300 does not fit"),
        ("ten_crop(256, resize=300)", "300", "resize is given twice"),
        ("flip(ten_crop)", "ten_crop", "ten_crop mirrors its views already"),
        ("flip(flip(single_crop))", "flip(single_crop)", "single_crop mirrors its views already"),
        ("flip(single_crop, 3)", "3", "One number too many: flip(PROTOCOL)"),
        ("flip(single_crop, crop=3)", "crop", "flip takes no options"),
        ("ten_crop(average=logit)", "logit", "Nearest: logits"),
        ("ten_crop(avrage=logits)", "avrage", "Nearest: average"),
        ("ten_crop(average=3)", "3", "Here may stand one of probabilities, logits"),
        ("ten_crop(crop=big)", "big", "Here may stand a whole number"),
        ("ten_crop(crop 3)", "3", "Here may stand '=' behind 'crop'"),
        ("\x1f", "\x1f", "'\\x1f' cannot stand here"),
        ("dense(256; 384)", ";", "cannot stand here"),
        ("dense(256.5)", ".", "cannot stand here"),
        ("dense(-1)", "-", "cannot stand here"),
        ("dense(256, 256)", "256, 256", "a size is given twice"),
        ("dense(0)", "0", "it must be a whole number, 1 to 8192"),
        ("dense(9999)", "9999", "1 to 8192"),
        ("dense(123456789)", "123456789", "numbers up to 8192"),
        ("dense(reduce=max, 256)", "256", "Sizes come before what has a name"),
        ("multi_crop(grid=33)", "33", "grid=33"),
        ("multi_scale(dense, 256)", "dense", "dense takes its sizes itself"),
        ("multi_scale(single_crop(256), 300)", "single_crop(256)", "leave it out here"),
        ("multi_scale(single_crop)", "single_crop", "it needs sizes"),
        ("multi_scale(256, 300)", "256", "Here may stand a protocol"),
        ("ten_crop + + dense", "+", "Here may stand a protocol"),
        ("ten_crop dense", "dense", "Here may stand '+'"),
        ("ten_crop(,)", ",", "Here may stand a size or one of resize=, crop="),
        ("flip", "flip", "flip needs a protocol: flip(PROTOCOL)"),
    ],
)
def test_mistakes(text, under, message):
    with pytest.raises(Mistake) as caught:
        parse(text)
    assert message in str(caught.value)
    assert carets(caught.value) == (under if under.isprintable() else "?")
    assert text[caught.value.start : caught.value.end] == under


def test_the_end_is_pointed_at_when_something_is_missing():
    for text in ("", "  ", "ten_crop(", "ten_crop(256", "ten_crop +", "(dense", "ten_crop(crop="):
        with pytest.raises(Mistake, match="not the end") as caught:
            parse(text)
        assert caught.value.start == len(text)


def test_hostile_texts_end_soon():
    for text in ("(" * 1900, "flip(" * 300, "dense+" * 300 + "dense", "dense" * 1000,
                 "dense(" + ",".join(map(str, range(1, 40))) + ")"):  # fmt: skip
        with pytest.raises(Mistake):
            parse(text)


def test_a_place_far_inside_a_long_text_is_shown_alone():
    text = " + ".join(["ten_crop"] * 40) + " + tencrop"
    with pytest.raises(Mistake) as caught:
        parse(text)
    assert carets(caught.value) == "tencrop"
    assert max(map(len, str(caught.value).split("\n")[1:])) < 120


def test_sums_inside_sums_are_one():
    assert parse("(ten_crop + dense) + single_crop") == parse("ten_crop + dense + single_crop")
    shares = [use.share for use in parse("(ten_crop + dense) + single_crop").uses()]
    assert shares == [1 / 3] * 3
    shares = [use.share for use in parse("multi_scale(ten_crop, 9, 8) + dense").uses()]
    assert shares == [0.25, 0.25, 0.5]


def test_every_protocol_is_listed_as_it_is_written():
    rows = listing()
    assert [row.written.split("(")[0] for row in rows] == [
        "single_crop", "flip", "ten_crop", "multi_crop", "inception_crops", "dense", "multi_scale",
        "a + b",
    ]  # fmt: skip
    assert rows[3].written == "multi_crop(SIZE..., crop=, grid=, interpolation=, area=, average=)"
    assert all(row.says and row.source for row in rows)
    forms = [kind.form for kind in KINDS.values()]
    assert set(OPTIONS) == {name for form in forms for name in form.names}
    for name, words in ((n, w) for form in forms for n, w in form.choices.items()):
        assert OPTIONS[name].startswith(" or ".join(words))


def test_a_mistake_is_a_users_error():
    assert issubclass(Mistake, UserError)
    with pytest.raises(UserError):
        MultiCrop((256, 256))
