"""The list of protocols, for people and for programs."""

import json

from typer.testing import CliRunner

from convatlas.cli import app
from convatlas.evaluation import PRESETS
from convatlas.evaluation.protocols import listing, parse


def run(*arguments):
    result = CliRunner().invoke(app, ["protocols", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_every_protocol_and_preprocessing_is_listed():
    text = run()
    for row in listing():
        assert row.written.split("(")[0] in text
    assert all(name in text for name in PRESETS)
    assert "never padded" in text


def test_as_json():
    found = json.loads(run("--json"))
    names = [row["written"].split("(")[0] for row in found["protocols"][:-1]]
    assert [str(parse(name)) for name in names if name not in ("flip", "multi_scale")] == [
        "single_crop", "ten_crop", "multi_crop", "inception_crops", "dense",
    ]  # fmt: skip
    assert list(found["preprocessing"]) == list(PRESETS)
    assert all(row["says"] and row["source"] for row in found["protocols"])
