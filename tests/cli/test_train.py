"""`convatlas train` as a person uses it: options, messages, trials, what it leaves behind."""

import json

import pytest

from convatlas.cli._duration import duration_of
from convatlas.errors import UserError
from convatlas.training import Lesson, _dry_run, _plan, _validation
from convatlas.training._account import account, rate_rule
from convatlas.training._fresh import planned
from tests.cli.run import convatlas
from tests.data.images import write_folder

NET = ("--net", "resnet8_small", "--width", "0.25", "--threads", "1")


def ignore(*_):
    pass


@pytest.fixture(autouse=True)
def short_measurements(monkeypatch):
    monkeypatch.setattr(_dry_run, "_MEASURED_S", 0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "insects"
    return str(write_folder(root, {"ant": 30, "bee": 25}))


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """A finished run with all that it said, and its folder."""
    out = tmp_path_factory.mktemp("run") / "out"
    options = ("--steps", "12", "--batch", "8", "--tensorboard", "--set", "momentum=0.8")
    return convatlas("train", folder, *NET, *options, "--out", str(out)), out


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("10 min", 600), ("2h", 7200), ("0.5m", 30), (".5h", 1800)],
)
def test_times_are_a_number_and_a_unit(text, seconds):
    assert duration_of("--max-time", text) == seconds


@pytest.mark.parametrize("text", ["10", "m", "-5m", "0s", "10x", "1e3s", "9999999h", "", "5 m 3"])
def test_other_times_are_refused(text):
    with pytest.raises(UserError, match="--max-time") as told:
        duration_of("--max-time", text)
    assert repr(text) in str(told.value)
    assert "90s, 10m, 2h" in str(told.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--recipe", "resnet-cifr"], ["'resnet-cifr'", "resnet-cifar"]),
        (["--recipe", "nowhere.json"], ["nowhere.json"]),
        (["--set", "momentun=0.9"], ["'momentun'", "momentum"]),
        (["--set", "augmentation.flop=true"], ["'flop'", "flip"]),
        (["--set", "momentum"], ["'momentum'", "FIELD=VALUE"]),
        (["--set", "learning_rate=1", "--learning-rate", "2"], ["learning_rate is set twice"]),
        (["--max-time", "10"], ["--max-time '10'", "10m"]),
        (["--max-time", "10m", "--epochs", "3"], ["not several"]),
        (["--checkpoint-every", "soon"], ["--checkpoint-every 'soon'"]),
        (["--dry-run", "--find-rate"], ["--dry-run and --find-rate"]),
        (["--overfit", "1"], ["--overfit 1", "2 images"]),
        (["--overfit", "8", "--epochs", "3"], ["--steps"]),
        (["--find-rate", "--steps", "5"], ["--steps 5", "30"]),
        (["--recipe", "googlenet"], ["googlenet", "resnet8_small"]),
        (["--recipe", "condensenet-cifar", "--side", "32"], ["condensing", "resnet8_small"]),
        (["--recipe", "googlenet", "--side", "224"], ["sets aux", "resnet8_small"]),
    ],
)
def test_bad_input_is_one_line_with_exit_code_2(options, words, folder, tmp_path):
    ran = convatlas("train", folder, *NET, *options, "--out", str(tmp_path / "out"), code=2)
    last = ran.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert all(word in last for word in words), last
    assert "Traceback" not in ran.err
    assert not (tmp_path / "out" / "run").exists()


def test_the_directory_of_another_net_is_refused(trained, folder):
    out = str(trained[1])
    ran = convatlas(
        "train", folder, "--net", "lenet5", "--threads", "1", "--side", "32", "--steps", "12",
        "--batch", "8", "--out", out, code=2,
    )  # fmt: skip
    last = ran.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "holds another training" in last
    assert "resnet8_small" in last


def test_an_output_that_is_a_file_is_refused(folder, tmp_path):
    (tmp_path / "out").write_text("mine")
    ran = convatlas("train", folder, *NET, "--out", str(tmp_path / "out"), code=2)
    assert ran.err.startswith("error: ")
    assert "--out" in ran.err
    assert (tmp_path / "out").read_text() == "mine"


def test_the_first_line_says_recipe_rate_batch_steps_and_why(trained):
    lines = [line for line in trained[0].err.splitlines() if "by recipe" in line]
    assert lines == [
        "resnet8_small at 8x8 by recipe small-data with momentum=0.8: learning rate 0.0625 at "
        "batch 8, which follows data and net; 12 steps of 8 images, 2.46 epochs of 39, as asked"
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_size": 32}, "learning rate 0.1 at batch 128 -> 0.025 at batch 32, linear"),
        ({}, "learning rate 0.1 at batch 128, as the recipe states it"),
        ({"changes": {"learning_rate": 0.3}, "batch_size": 32}, "learning rate 0.3, as set"),
        ({"recipe": "small-data"}, "learning rate 0.1768 at batch 64, which follows data and net"),
    ],
)
def test_the_rate_and_its_rule(changes, said, folder, tmp_path):
    asked = {"variant": "resnet20_cifar", "recipe": "resnet-cifar", "side": 32, "threads": 1}
    lesson = Lesson(data=folder, steps=2, **{**asked, **changes})
    plan = planned(lesson, tmp_path, progress=ignore, say=ignore)
    assert rate_rule(lesson, plan) == said
    assert said in account(lesson, plan)


def test_the_summary_names_what_came_out(trained):
    ran, out = trained
    for words in (
        "resnet8_small x0.25 at 8x8", "small-data", "test accuracy", "validation", "images/s",
        "waiting for images", "memory", str(out / "resnet8_small.bundle"), str(out / "report.html"),
    ):  # fmt: skip
        assert words in ran.out
    assert "unreadable" not in ran.out


def test_elsewhere_than_on_a_terminal_there_are_plain_lines(trained):
    err = trained[0].err
    assert "\x1b" not in err
    assert "step 12/12, epoch 2.46, loss " in err
    assert err.count("validation at step") == 10
    assert "training: 12" not in err


def test_it_writes_the_report_and_curves_for_tensorboard(trained):
    _, out = trained
    assert "recipe" in (out / "report.html").read_text(encoding="utf-8")
    assert [p.name.startswith("events.out.tfevents.") for p in (out / "tensorboard").iterdir()] == [
        True
    ]
    assert json.loads((out / "result.json").read_bytes())["recipe"]["momentum"] == 0.8


def test_without_plotly_it_says_so_and_is_content(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    ran = convatlas(
        "train", folder, *NET, "--steps", "4", "--batch", "8", "--out", str(tmp_path / "out")
    )
    assert "no report: " in ran.err
    assert "convatlas[report]" in ran.err
    assert not (tmp_path / "out" / "report.html").exists()


def test_max_time_takes_the_steps_that_fit_by_the_measured_pace(folder, tmp_path, monkeypatch):
    """100 images/s in batches of 10 make 10 steps/s: 60 s hold 600, of which 90 % are used."""
    lesson = Lesson(data=folder, variant="resnet8_small", threads=1, max_seconds=60, batch_size=10)
    monkeypatch.setattr(_plan, "throughput", lambda *_, **__: 100.0)
    plan = planned(lesson, tmp_path, progress=ignore, say=ignore)
    assert plan.recipe.steps == 540
    assert "as many as fit 60 s by the measured pace" in account(lesson, plan)
    monkeypatch.setattr(_plan, "throughput", lambda *_, **__: 999.0)
    again = planned(lesson, tmp_path, progress=ignore, say=ignore)
    assert again.recipe.steps == 540, "a run is taken up with the steps it was begun with"


class TestDryRun:
    def test_validation_comes_first_and_a_bundle_last(self, folder, tmp_path):
        out = tmp_path / "out"
        ran = convatlas("train", folder, *NET, "--dry-run", "--json", "--out", str(out))
        found = json.loads(ran.out)
        assert list(found["parts"]) == [
            "opening the images", "validation", "3 steps with checkpoints",
            "the pace of more steps", "test and bundle", "export",
        ]  # fmt: skip
        assert found["images"] == {"train": 39, "val": 8, "test": 8}
        assert found["recipe"]["batch_size"] == 64
        assert found["params"] > 0
        assert found["memory_bytes"] > 4 * found["params"]
        assert found["seconds"] > 0
        assert {p.name for p in out.iterdir()} <= {"cache", ".lock"}

    def test_a_fault_of_the_validation_shows_before_any_step(self, folder, tmp_path, monkeypatch):
        def broken(*_args):
            raise UserError("the validation is broken")

        monkeypatch.setattr(_validation.Validation, "score", broken)
        ran = convatlas("train", folder, *NET, "--dry-run", "--out", str(tmp_path), code=2)
        assert "the validation is broken" in ran.err
        assert "3 steps" not in ran.err

    def test_the_table_says_what_would_be_trained(self, folder, tmp_path):
        ran = convatlas("train", folder, *NET, "--dry-run", "--out", str(tmp_path))
        for words in ("would train", "parameters", "rate", "train 39, val 8, test 8", "computed"):
            assert words in ran.out


class TestOverfit:
    def test_a_net_that_can_learn_knows_its_images(self, folder, tmp_path):
        options = ("--overfit", "12", "--steps", "200", "--json", "--out", str(tmp_path))
        found = json.loads(convatlas("train", folder, *NET, *options).out)
        assert found["learned"]
        assert found["images"] == 12
        assert found["accuracy"] >= 99
        assert found["loss"] < found["first_loss"]

    def test_a_net_whose_weights_stay_fails(self, folder, tmp_path):
        options = ("--overfit", "12", "--steps", "40", "--learning-rate", "0")
        ran = convatlas("train", folder, *NET, *options, "--out", str(tmp_path), code=1)
        assert "error: The net knows only" in ran.err
        assert "at fault" in ran.err


class TestFindRate:
    def test_it_suggests_a_rate_and_draws_it(self, folder, tmp_path):
        options = ("--find-rate", "--steps", "40", "--batch", "8", "--out", str(tmp_path))
        ran = convatlas("train", folder, *NET, *options)
        found = json.loads((tmp_path / "rate.json").read_bytes())
        assert f"--learning-rate {found['suggested']:.2g}" in ran.out
        assert "1506.01186" in found["rule"]
        rates = found["rates"]
        assert rates[0] == pytest.approx(1e-4)
        assert rates[1] / rates[0] == pytest.approx(1e5 ** (1 / 39))
        assert len(rates) == len(found["losses"]) == len(found["smoothed"]) <= 40
        assert rates[0] < found["suggested"] <= rates[-1]
        assert "is suggested" in (tmp_path / "rate.html").read_text(encoding="utf-8")


def test_a_run_that_diverges_leaves_a_report(folder, tmp_path):
    options = ("--steps", "12", "--batch", "8", "--learning-rate", "100", "--set")
    options = (*options, "gradient_clip=null", "--set", "warmup_share=0", "--set", "momentum=0.99")
    ran = convatlas("train", folder, *NET, *options, "--out", str(tmp_path), code=2)
    assert ran.err.strip().splitlines()[-1].startswith("error: Training diverged")
    assert "It diverged at step" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_report_writes_the_page_of_a_run_under_way(trained, tmp_path):
    _, out = trained
    (tmp_path / "run").mkdir()
    for name in ("run.json", "log.jsonl", "pace.jsonl"):
        content = (out / "run" / name).read_bytes()
        (tmp_path / "run" / name).write_bytes(content[:-40] if name != "run.json" else content)
    ran = convatlas("report", str(tmp_path))
    assert str(tmp_path / "report.html") in ran.err
    assert "Not finished" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_report_of_a_folder_with_nothing_says_what_to_give(tmp_path):
    ran = convatlas("report", str(tmp_path), code=2)
    assert "convatlas train" in ran.err
