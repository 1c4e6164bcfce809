"""The page of a training: finished, under way, diverged; and that of a range test."""

from dataclasses import replace
from pathlib import Path

import pytest

from convatlas.errors import UserError
from convatlas.reports import write_rate_test, write_training
from convatlas.training import RateTest, Recipe, Record
from tests.reports.sample import HOSTILE
from tests.reports.test_page import Page

CLASSES = ("ant", "bee")
RECIPE = {**Recipe(name="small-data", steps=100, momentum=0.8).as_dict()}
TEST = {
    "n": 200,
    "top1_error": 7.5,
    "top5_error": None,
    "loss": 0.25,
    "calibration_error": 0.02,
    "protocol": "single_crop",
    "confusion": [[95, 5], [10, 90]],
    "per_class": [
        {"name": name, "n": 100, "recall": recall, "precision": 0.9}
        for name, recall in zip(CLASSES, (0.95, 0.90), strict=True)
    ],
}


def record(**changes):
    whole = Record(
        folder=Path("out"),
        settings={
            "family": "resnet_cifar",
            "variant": "resnet8_small",
            "spec": {"in_channels": 3, "input_side": 32, "num_classes": 2, "width_multiplier": 0.5},
            "recipe": {**RECIPE, "augmentation": {**RECIPE["augmentation"], "flip": True}},
            "data": {"train": {"images": 1000}, "val": {"images": 50}},
            "device": "cpu",
            "compiled": False,
            "versions": {"torch": "2.13.0"},
        },
        history=tuple(
            {"kind": "training", "step": s, "epoch": s / 8, "loss": 2 / s, "learning_rate": 0.1}
            for s in (1, 2, 3, 4)
        ),
        validation=(
            {"kind": "validation", "step": 4, "accuracy": 81.25, "loss": 0.5, "images": 50},
        ),
        events=(),
        pace=tuple(
            {"step": s, "images_per_s": 500.0 + s, "wait_share": 0.125, "seconds": 2.0 * s,
             "memory_bytes": 10**8 * s, "processes": 1}
            for s in (1, 2, 3, 4)
        ),
        result={"bundle": "out/net.bundle", "steps": 100, "seconds": 200.0, "test": TEST},
        diverged=None,
        defaults=Recipe().as_dict(),
    )  # fmt: skip
    return replace(whole, **changes)


def page(tmp_path, told):
    path = write_training(told, tmp_path / "report.html")
    return Page(path.read_text(encoding="utf-8"))


def test_a_finished_training(tmp_path):
    found = page(tmp_path, record())
    assert "Training of resnet8_small" in found.text
    assert "92.50 % of 200 test images are given the right class" in found.text
    assert "after 100 steps in 3 min 20 s" in found.text
    assert found.headings == [
        "#curves", "#test", "#speed", "#net", "#recipe", "#made"
    ]  # fmt: skip
    assert sorted(found.figures) == ["confusion", "loss", "speed", "validation"]
    assert found.figures["loss"]["data"][0]["y"] == [2.0, 1.0, 0.666667, 0.5]
    assert found.figures["loss"]["data"][1]["y"] == [0.1] * 4
    assert found.figures["validation"]["data"][0]["y"] == [81.25]
    assert found.figures["speed"]["data"][0]["y"] == [501.0, 502.0, 503.0, 504.0]
    assert found.figures["speed"]["data"][1]["y"] == [12.5] * 4
    assert "400 MB" in found.text
    assert "out/net.bundle" in found.text
    assert ["ant", "100", "95.0 %", "90.0 %"] in found.rows


def test_the_recipe_says_what_differs_from_the_defaults(tmp_path):
    rows = page(tmp_path, record(places={"momentum": "section 3.4"})).rows
    start = rows.index(["Field", "Value", "Default", "Stated in"])
    assert rows[start + 1 : start + 4] == [
        ["steps", "100", "1000", ""],
        ["momentum", "0.8", "0.9", "section 3.4"],
        ["augmentation.flip", "yes", "no", ""],
    ]
    assert rows[start + 4] == ["Field", "Value"]
    assert ["learning_rate", "0.1"] in rows


def test_one_under_way_shows_what_there_is(tmp_path):
    found = page(tmp_path, record(result=None))
    assert "Not finished: 4 of 100 steps are done; 81.25 % of the validation images" in found.text
    assert "#test" not in found.headings
    assert "loss" in found.figures


def test_one_that_has_just_begun(tmp_path):
    found = page(tmp_path, record(result=None, history=(), validation=(), pace=()))
    assert "Not finished: 0 of 100 steps are done" in found.text
    assert found.headings == ["#net", "#recipe", "#made"]


def test_one_that_diverged_says_where(tmp_path):
    diverged = {"step": 17, "what": "the loss is nan"}
    found = page(tmp_path, record(result=None, diverged=diverged))
    assert "It diverged at step 17: the loss is nan." in found.text


def test_events_are_counted_and_told(tmp_path):
    events = (
        {"kind": "unreadable", "step": 3, "images": {"a.png": "truncated", "b.png": "empty"}},
        {"kind": "unreadable", "step": 9, "images": {"a.png": "truncated"}},
        {"kind": "skipped", "step": 5, "what": "the loss is nan", "images": ["c.png"]},
        {"kind": "went_back", "step": 10, "failed_step": 14, "what": "the loss is inf",
         "images": ["d.png"], "rate": "halved 1 times"},
        {"kind": "memory", "step": 2, "micro_batches": 4, "norms": "see a batch's 4th part"},
    )  # fmt: skip
    text = page(tmp_path, record(events=events)).text
    assert "2, left out: a.png, b.png" in text
    assert "after step 14; the learning rate is halved 1 times" in text
    assert "step 3: left out what could not be read: 'a.png' (truncated), 'b.png' (empty)" in text
    assert "went back to step 10" in text
    assert "4, memory did not suffice" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_can_become_markup(text, tmp_path):
    settings = record().settings | {"variant": text, "recipe": {**RECIPE, "name": text}}
    events = ({"kind": "unreadable", "step": 1, "images": {text: text}},)
    told = record(settings=settings, events=events, diverged={"step": 1, "what": text}, result=None)
    path = write_training(told, tmp_path / "report.html")
    found = Page(path.read_text(encoding="utf-8"))
    assert [a["src"] for a in found.all("img")] == []
    assert {a.get("type") for a in found.all("script")} <= {None, "application/json"}


def test_without_plotly_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    with pytest.raises(UserError, match=r"convatlas\[report\]"):
        write_training(record(), tmp_path / "report.html")


def range_test(suggested):
    return RateTest(
        net="resnet8_small", recipe="small-data", optimizer="sgd", batch_size=64, recipe_rate=0.25,
        rates=(0.01, 0.1, 1.0), losses=(2.0, 1.0, 3.0), smoothed=(1.9, 1.2, 2.5),
        suggested=suggested, lowest=0.1, ended="the loss exploded",
    )  # fmt: skip


def test_the_page_of_a_range_test(tmp_path):
    path = write_rate_test(range_test(0.05), tmp_path / "rate.html")
    found = Page(path.read_text(encoding="utf-8"))
    assert "0.05 is suggested; the recipe has 0.25" in found.text
    assert "1506.01186" in found.text
    curves = {trace["name"]: trace for trace in found.figures["rates"]["data"]}
    assert list(curves) == ["loss", "smoothed", "suggested", "the recipe's"]
    assert curves["suggested"]["x"] == [0.05, 0.05]
    assert curves["smoothed"]["y"] == [1.9, 1.2, 2.5]
    assert found.figures["rates"]["layout"]["xaxis"]["type"] == "log"


def test_a_range_test_without_a_rate(tmp_path):
    path = write_rate_test(range_test(None), tmp_path / "rate.html")
    found = Page(path.read_text(encoding="utf-8"))
    assert "No learning rate lowers the loss" in found.text
    assert "suggested" not in {trace["name"] for trace in found.figures["rates"]["data"]}
