"""What the commands say of the zoo: models, check, and sides that are too small."""

import json
import subprocess
import sys

import pytest

from convatlas.cli.models import CATALOGUE
from tests.cli.run import convatlas


def test_models_lists_counts_input_and_paper():
    text = convatlas("models", "vgg_[ad]").out
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["vgg_a", "vgg_d"]
    for word in ("132,863,336", "15,470,264,320", "3x224x224", "Simonyan2015", "arXiv:1409.1556"):
        assert word in text


def test_models_json_has_the_papers_of_the_families():
    (row,) = json.loads(convatlas("models", "lenet5", "--json").out)
    assert (row["params"], row["input"], row["num_classes"]) == (60_000, [1, 32, 32], 10)
    assert row["link"] == "doi:10.1109/5.726791"


def test_models_does_not_load_torch():
    code = (
        "import sys\nfrom convatlas.cli import main\nsys.argv = ['convatlas', 'models']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(str([m for m in ('torch', 'numpy', 'onnx') if m in sys.modules]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr == "[]"
    assert len(found.stdout.splitlines()) == 1 + len(json.loads(CATALOGUE.read_text())["variants"])


def test_check_prints_source_printed_measured_verdict_and_the_sum():
    ran = convatlas("check", "mobilenet_v1")
    head, *rows = ran.out.partition("because")[0].splitlines()
    assert head.split() == ["net", "figure", "source", "printed", "measured", "verdict"]
    assert any(
        row.split()[:2] == ["mobilenet_v1", "mult_adds"]
        and "Howard2017, Tables 4, 6 and 7" in row
        and row.split()[-3:] == ["569e6", "568,740,352", "rounds"]
        for row in rows
    )
    assert any("two digits swapped" in line for line in ran.out.splitlines())
    assert ran.err.count("explained") == 2  # explained and unexplained
    assert ran.err.rstrip().endswith(" 1 open, 0 unexplained")
    assert " nets in " in ran.err


def test_check_fails_on_a_figure_that_differs_unexplained(monkeypatch):
    from convatlas import facts
    from convatlas.analysis import _check

    wrong = facts.Fact("lenet5", "params", "61000", facts.papers.NOTES, "Sec. 9")
    monkeypatch.setattr(_check, "table_facts", lambda: (wrong,))
    ran = convatlas("check", "lenet5", code=1)
    assert "1 of " in ran.err
    assert "differ without a cause: lenet5 params" in ran.err
    rows = json.loads(convatlas("check", "lenet5", "--json", code=1).out)
    assert [row["outcome"] for row in rows if not row["passed"]] == ["unexplained"]


def test_slips_stand_beside_the_right_figures():
    ran = convatlas("check", "--slips")
    (row,) = (line for line in ran.out.splitlines() if "VGG A, parameters" in line)
    assert "1.13e8" in row
    assert "132,863,336" in row
    rows = json.loads(convatlas("check", "--slips", "--json").out)
    assert {"where", "subject", "printed", "right", "why"} == set(rows[0])
    assert f"{len(rows)} slips" in ran.err


def test_slips_are_not_chosen_by_a_net():
    assert "'vgg_a'" in convatlas("check", "vgg_a", "--slips", code=2).err


@pytest.mark.parametrize(
    "arguments",
    [
        ("cost", "squeezenext23"),
        ("time", "squeezenext23"),
        ("train", "digits", "--net", "squeezenext23"),
    ],
)
def test_a_side_too_small_for_the_strides(arguments, tmp_path):
    if arguments[0] == "train":
        arguments = (*arguments, "--out", str(tmp_path / "out"))
    told = convatlas(*arguments, "--side", "5", code=2).err
    assert "The smallest larger side that works is 9." in told
    assert "Traceback" not in told
