"""What a net said of every image, as files."""

import json
import sys

import numpy as np
import pytest

from convatlas.data import Unreadable
from convatlas.errors import UserError
from convatlas.evaluation import _predictions
from convatlas.evaluation._predictions import saver
from convatlas.evaluation._scored import Scored

SHARES = [[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.25, 0.5, 0.25], [0.5, 0.5, 0.0]]


def few(**changes):
    fields = {
        "probabilities": np.array(SHARES, np.float32), "classes": ("ant", "bee", "cow"),
        "truth": np.array([0, 0, 2, 0]), "names": ["a/1.png", "\u00fc.png", "c", "d"],
        "protocol": "flip", "model": "net", "unreadable": (Unreadable("e.png", "cut"),),
    }  # fmt: skip
    return Scored(**{**fields, **changes})


def rows_of(path):
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    parquet = pytest.importorskip("pyarrow.parquet")
    return parquet.read_table(path).to_pylist()


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
@pytest.mark.parametrize("block", [10_000, 3])
def test_a_row_for_every_image_also_the_unreadable(tmp_path, monkeypatch, ending, block):
    monkeypatch.setattr(_predictions, "_ROWS", block)
    path = tmp_path / "new" / f"out{ending}"
    saver(path)(few())
    rows = rows_of(path)
    assert [row["image"] for row in rows] == ["a/1.png", "\u00fc.png", "c", "d", "e.png"]
    assert [row["truth"] for row in rows] == ["ant", "ant", "cow", "ant", None]
    assert [row["predicted"] for row in rows] == ["ant", "bee", "bee", "bee", None]
    assert [row["correct"] for row in rows] == [True, False, False, False, None]
    assert [row["rank"] for row in rows] == [1, 2, 3, 2, None]
    assert [row["error"] for row in rows] == [None] * 4 + ["cut"]
    assert rows[0]["probability"] == pytest.approx(0.7)
    assert rows[0]["loss"] == pytest.approx(-np.log(0.7), rel=1e-6)
    assert [answer["class"] for answer in rows[2]["top"]] == ["bee", "ant", "cow"]
    assert rows[1]["top"][0]["probability"] == pytest.approx(0.5)


def test_both_files_hold_the_same(tmp_path):
    for name in ("out.jsonl", "out.parquet"):
        saver(tmp_path / name)(few())
    assert rows_of(tmp_path / "out.jsonl") == rows_of(tmp_path / "out.parquet")


def test_a_table_says_whose_it_is(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    saver(tmp_path / "out.parquet")(few())
    metadata = parquet.read_schema(tmp_path / "out.parquet").metadata
    assert metadata[b"model"] == b"net"
    assert metadata[b"protocol"] == b"flip"


def test_what_cannot_be_saved_is_said_before_anything_is_scored(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"x\.csv': the name must end in \.jsonl or \.parquet"):
        saver(tmp_path / "x.csv")
    monkeypatch.setattr(_predictions, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs pyarrow: pip install 'convatlas\[tables\]'"):
        saver(tmp_path / "x.parquet")


def test_json_lines_do_not_need_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    saver(tmp_path / "x.jsonl")(few(unreadable=()))
    assert len(rows_of(tmp_path / "x.jsonl")) == 4
