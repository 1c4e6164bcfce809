"""The command line as a person uses it: exit codes, messages, JSON."""

import json
import subprocess
import sys

import pytest

from tests.cli.run import convatlas


def test_help_lists_every_command():
    text = convatlas("--help").out
    for command in ("choose", "train", "evaluate", "predict", "export", "report", "check"):
        assert command in text


def test_a_new_option_is_a_decision():
    """A flag added to a command must be added here too."""
    import typer

    from convatlas.cli import app

    def listed(group, before=""):
        for name, command in group.commands.items():
            yield before + name, command
            if hasattr(command, "commands"):
                yield from listed(command, f"{name} ")

    options = {
        name: sorted(o for p in command.params for o in p.opts if o.startswith("--"))
        for name, command in listed(typer.main.get_command(app))
    }
    assert options == {
        "choose": [
            "--from-dir", "--json", "--latency", "--memory", "--minutes", "--out", "--runtime",
            "--seed", "--size", "--storage", "--threads", "--unreadable",
        ],
        "train": [
            "--batch", "--checkpoint-every", "--compile", "--crop-share", "--dry-run", "--epochs",
            "--find-rate", "--from", "--graft", "--json", "--learning-rate", "--max-time", "--net",
            "--out", "--overfit", "--precision", "--recipe", "--seed", "--set", "--side",
            "--steps", "--teacher", "--tensorboard", "--threads", "--unreadable", "--width",
            "--workers",
        ],
        "import": ["--as", "--classes", "--json", "--library", "--out"],
        "evaluate": [
            "--calibrate", "--duplicates", "--json", "--out", "--preprocessing", "--processes",
            "--protocol", "--report", "--robustness", "--save", "--seed", "--slices", "--split",
            "--threads", "--topk", "--unreadable",
        ],
        "compare": [
            "--json", "--out", "--preprocessing", "--processes", "--protocol", "--seed", "--split",
            "--threads", "--unreadable",
        ],
        "protocols": ["--json"],
        "predict": [
            "--class", "--heatmap", "--json", "--json-lines", "--out", "--save", "--side",
            "--threads", "--top",
        ],
        "excitation": [
            "--classes", "--json", "--out", "--seed", "--split", "--threads", "--unreadable",
        ],
        "export": ["--json", "--out"],
        "report": [],
        "time": ["--batch", "--json", "--runtime", "--seconds", "--side", "--threads", "--width"],
        "cost": [
            "--accelerator", "--autocast", "--batch", "--by", "--channels", "--chart", "--classes",
            "--convention", "--csv", "--doctor", "--dtype", "--ema", "--fits", "--input", "--json",
            "--layers", "--measure", "--memory-efficient", "--optimizer", "--side", "--train",
            "--width",
        ],
        "show": ["--json"],
        "models": ["--json"],
        "check": ["--json", "--slips"],
        "data": [],
        "data scan": ["--cache", "--json", "--seed"],
        "data show": [
            "--cache", "--epochs", "--json", "--net", "--out", "--per-class", "--recipe", "--seed",
            "--side",
        ],
        "data pack": ["--json", "--out", "--short-side", "--side"],
        "recipes": ["--for", "--json"],
        "recipes show": ["--json"],
        "recipes diff": ["--json"],
    }  # fmt: skip


def test_the_package_imports_without_torch_or_numpy():
    code = "import convatlas, sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]


def test_help_does_not_load_torch():
    code = (
        "import sys\nfrom convatlas.cli import main\nsys.argv = ['convatlas', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(str([m for m in ('torch', 'numpy', 'onnx') if m in sys.modules]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr == "[]"


def test_unknown_net_names_the_nearest():
    found = convatlas("show", "resnet5O", code=2)
    assert "'resnet5O'" in found.err
    assert "resnet50" in found.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["choose", "digits", "--latency", "5"], ["'5'", "ms"]),
        (["choose", "digits", "--size", "-3kB"], ["-3kB"]),
        (["choose", "digits", "--size", "0kB"], ["0kB"]),
        (["choose", "digits", "--runtime", "tflite"], ["tflite", "onnxruntime"]),
        (["choose", "nowhere/at/all"], ["nowhere/at/all"]),
        (["train", "digits", "--net", "resnet2O_cifar"], ["resnet2O_cifar", "resnet20_cifar"]),
        (["check", "nosuch*"], ["nosuch*"]),
        (["models", "nosuch*"], ["nosuch*"]),
        (["time", "nosuch.onnx"], ["nosuch.onnx"]),
        (["cost", "lenet5", "--side", "20"], ["20", "32"]),
    ],
)
def test_bad_input_is_quoted_with_exit_code_2(arguments, words, tmp_path):
    if arguments[0] in ("choose", "train"):
        arguments = [*arguments, "--out", str(tmp_path / "out")]
    found = convatlas(*arguments, code=2)
    assert "Traceback" not in found.err
    assert all(word in found.err for word in words), found.err


def test_show_prints_the_stage_table():
    text = convatlas("show", "resnet50").out
    for word in ("conv2_x", "256x56x56", "215,808", "2048x7x7", "14,964,736", "CVPR 2016"):
        assert word in text


def test_show_json_is_json():
    shown = json.loads(convatlas("show", "resnet50", "--json").out)
    assert shown["spec"]["depths"] == [3, 4, 6, 3]
    assert {f["verdict"] for f in shown["facts"]} <= {"exact", "rounds", "truncates", "differs"}


def test_show_keeps_to_the_variant_where_the_family_has_its_name():
    shown = json.loads(convatlas("show", "mobilenet_v1", "--json").out)
    assert {f["fact"]["variant"] for f in shown["facts"]} == {"mobilenet_v1"}


def test_cost_with_changes():
    plain = json.loads(convatlas("cost", "resnet20_cifar", "--json").out)
    grey = json.loads(
        convatlas("cost", "resnet20_cifar", "--channels", "1", "--side", "28", "--json").out
    )
    assert plain["params"] == 269_722
    assert grey["params"] == 269_722 - 2 * 9 * 16
    assert grey["mult_adds"] < plain["mult_adds"]


def test_models_json_lists_all():
    from convatlas.models import find

    rows = json.loads(convatlas("models", "--json").out)
    assert [row["variant"] for row in rows] == find()


@pytest.mark.slow  # the figures are held family by family in tests/contract
def test_check_passes_for_the_whole_zoo():
    rows = json.loads(convatlas("check", "--json").out)
    assert len(rows) > 700
    assert all(row["passed"] for row in rows)


def test_check_passes():
    rows = json.loads(convatlas("check", "vgg*", "--json").out)
    assert len(rows) > 10
    assert all(row["passed"] for row in rows)


def test_time_tells_its_conditions():
    timed = json.loads(
        convatlas("time", "lenet5", "resnet8_small", "--seconds", "0.1", "--json").out
    )
    for timing in timed.values():
        assert timing["q1_s"] <= timing["median_s"] <= timing["q3_s"]
        assert timing["runtime"] == "onnxruntime"
        assert timing["n"] >= 10
