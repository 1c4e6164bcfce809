"""Scores by a column of a CSV file."""

import json

import pytest

from convatlas.errors import UserError
from convatlas.evaluation import slices
from tests.evaluation.scores import random_scored, right_or_wrong

FOUR = right_or_wrong(
    [True, False, True, False],
    names=["test/cat/1.jpg", "test/cat/2.jpg", "test/dog/1.jpg", "test/dog/2.jpg"],
)


@pytest.fixture
def table(tmp_path):
    def written(text: str, encoding: str = "utf-8"):
        path = tmp_path / "about.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return written


def values(column) -> dict:
    return {s.value: (s.n, s.errors) for s in column.slices}


def test_by_value(table):
    path = table(
        "weather,Name,camera\n"
        "sun,test/cat/1.jpg,a\nrain,test/cat/2.jpg,\nrain,test/dog/1.jpg,b\n"
        "snow,test/dog/9.jpg,c\nsun,test/dog/2.jpg,b\n"
    )
    found = slices(FOUR, path)
    weather, camera = found.columns
    assert weather.column == "weather"
    assert values(weather) == {"rain": (2, 1), "sun": (2, 1)}
    assert weather.empty == ("snow",)
    assert values(camera) == {"(empty)": (1, 1), "a": (1, 0), "b": (2, 1)}
    assert [s.top1_error for s in camera.slices] == [100, 0, 50]
    assert (found.n, found.images_without_row) == (4, 0)
    assert (found.rows_without_image, found.without_image) == (1, ("test/dog/9.jpg",))
    assert json.loads(json.dumps(found.as_dict()))["table"] == "about.csv"


def test_images_without_a_row_are_named_and_names_may_be_short(table):
    found = slices(FOUR, table("file;light\ncat/2.jpg;low\ndog/1.jpg;high\n"))
    assert values(found.columns[0]) == {"high": (1, 0), "low": (1, 1)}
    assert found.without_row == ("test/cat/1.jpg", "test/dog/2.jpg")
    assert slices(FOUR, table("\ufeffimage\tx\r\n./test/dog/1.jpg\t1\r\n")).n == 1


def test_numbers_are_cut_into_quarters(table):
    whole = random_scored(n=200, k=3)
    rows = "\n".join(f"{name},{i % 40},{'' if i < 20 else i}" for i, name in enumerate(whole.names))
    few, many = slices(whole, table(f"name,size,age\n{rows}\n")).columns
    assert few.by == "range"
    assert values(few).keys() == {"0 to 9", "10 to 19", "20 to 29", "30 to 39"}
    assert {s.n for s in few.slices} == {50}
    assert [s.n for s in many.slices] == [45, 45, 45, 45, 20]
    assert many.slices[-1].value == "(empty)"
    errors = int((whole.outcomes.rank > 1).sum())
    for column in (few, many):
        assert sum(s.errors for s in column.slices) == errors


def test_few_numbers_are_values_in_their_order(table):
    rows = "\n".join(f"{name},{n}" for name, n in zip(FOUR.names, (10, 9, 9, 2), strict=True))
    (column,) = slices(FOUR, table(f"name,stars\n{rows}\n")).columns
    assert [s.value for s in column.slices] == ["2", "9", "10"]


def test_a_column_of_too_many_words_is_left_out_by_name(table):
    whole = random_scored(n=150, k=3)
    rows = "\n".join(f"{name},id{i},{i % 2}" for i, name in enumerate(whole.names))
    found = slices(whole, table(f"name,id,half\n{rows}\n"))
    assert found.left_out == (("id", 150),)
    assert [c.column for c in found.columns] == ["half"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "name,x\nother.jpg,1\n",
            r"none of its 1 rows .*'other\.jpg', that of the images 'test/cat",
        ),
        ("title,x\na,1\n", r"columns 'title', 'x'; needed .* name, image"),
        ("name\na\n", "at least one other"),
        ("name,x\n", "no rows below a header"),
        ("", "no rows below a header"),
        ("name,x,x\na,1,2\n", "several columns called 'x'"),
        ("name,x\ntest/cat/1.jpg,1\ntest/cat/2.jpg,1,2\n", "row 3 has 3 values and the header 2"),
        ("name,x\n1.jpg,1\n", r"'1\.jpg' fits 2 images, 'test/cat/1\.jpg' and 'test/dog/1\.jpg'"),
        ("name,x\ncat/1.jpg,1\ntest/cat/1.jpg,2\n", "rows 2 and 3 are both for image"),
    ],
)
def test_what_cannot_be_sliced_is_refused(table, text, words):
    with pytest.raises(UserError, match=words):
        slices(FOUR, table(text))


def test_files_that_are_no_text_or_not_there_are_refused(table, tmp_path):
    with pytest.raises(UserError, match="not UTF-8 text"):
        slices(FOUR, table("name,x\n\u00e9,1\n", encoding="latin-1"))
    with pytest.raises(UserError, match="no such file"):
        slices(FOUR, tmp_path / "nowhere.csv")
