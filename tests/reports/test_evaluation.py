"""The page of an evaluation: everything on it, nothing of a name heard as markup."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convatlas.data import Unreadable
from convatlas.evaluation import (
    NearDuplicate,
    NearDuplicates,
    Robustness,
    RobustnessCurve,
    calibrated,
    evaluation_of,
    fit_temperature,
    slices,
)
from convatlas.evaluation._robustness import Severity
from convatlas.evaluation.metrics import error_interval
from convatlas.reports import EvaluationReport, write_evaluation
from tests.evaluation.scores import random_scored
from tests.reports import sample
from tests.reports.test_browser import BROWSER, opened

_PNG = next(iter(sample.pictures(sample.whole()).values()))


def severity(step: int) -> Severity:
    errors = 20 + 10 * step
    return Severity(
        severity=float(step), errors=errors, top1_error=errors / 2,
        interval=error_interval(errors, 200),
    )  # fmt: skip


def whole(tmp_path: Path) -> EvaluationReport:
    classes = sample.HOSTILE
    scored = replace(
        random_scored(n=200, k=len(classes), sharpness=4.0),
        classes=classes,
        model="<i>net</i>",
        unreadable=(Unreadable("bad/<b>.jpg", "the file is empty"),),
    )
    table = tmp_path / "about.csv"
    rows = [f"{n},{'<u>dark</u>' if i % 3 else 'bright'}" for i, n in enumerate(scored.names[5:])]
    table.write_text("name,light\n" + "\n".join([*rows, "none.jpg,fog"]))
    found = evaluation_of(scored)
    pairs = tuple(
        NearDuplicate(
            test=scored.names[i], train=f"train/{i}.jpg", test_class=classes[0],
            train_class=classes[i], likeness=0.97, mirrored=bool(i),
        )
        for i in range(2)
    )  # fmt: skip
    return EvaluationReport(
        evaluation=found,
        data="photos, test",
        members=(found, found),
        calibration=calibrated(fit_temperature(scored, fitted_on="val"), scored),
        slices=slices(scored, table),
        robustness=Robustness(
            protocol="single_crop", n=200, seed=0, clean=severity(0),
            curves=tuple(
                RobustnessCurve(corruption=name, unit="<s>", points=tuple(map(severity, (1, 2, 3))))
                for name in ("JPEG", "noise")
            ),
        ),
        duplicates=NearDuplicates(
            pairs=pairs, threshold=0.85, estimated_false=0.0, tested=200, against=900
        ),
        without_duplicates=(198, 41.0),
        pictures=dict.fromkeys((scored.names[0], found.mistakes[0].name), _PNG),
    )  # fmt: skip


def text_of(report: EvaluationReport, tmp_path: Path) -> str:
    page = write_evaluation(report, tmp_path / "page.html").read_text(encoding="utf-8")
    body = page[page.index("<body>") : page.index('<script type="application/json"')]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def test_everything_is_on_the_page(tmp_path):
    report = whole(tmp_path)
    text = text_of(report, tmp_path)
    for words in (
        "of 200 images are given the wrong class", "photos, test", "single_crop",
        "Top-5 error", "95 % interval", "ensemble", "Temperature", "fitted on val, 200 images",
        "By light", "bright", "In the table but at no scored image: fog",
        "5 scored images without a row in about.csv", "clean: 10.0 %", "15.0 % at 1",
        "2 test images of 200 are nearly equal to one of 900", "On the 198 other images the error",
        "1 image could not be read", "the file is empty", "Average precision",
    ):  # fmt: skip
        assert words in text, words


def test_names_are_text(tmp_path):
    page = write_evaluation(whole(tmp_path), tmp_path / "page.html").read_text(encoding="utf-8")
    for markup in ("<i>net", "<u>dark", "<b>.jpg", "<s>", "<script>alert", "<img src=x"):
        assert markup not in page
    assert "&lt;i&gt;net" in page


def test_what_is_not_there_is_left_out(tmp_path):
    found = evaluation_of(random_scored(n=30, k=25))
    text = text_of(EvaluationReport(evaluation=found), tmp_path)
    for absent in ("Slices", "Robustness", "Near-duplicates", "Not scored", "against the rest"):
        assert absent not in text
    none = NearDuplicates(pairs=(), threshold=0.85, estimated_false=0.0, tested=30, against=9)
    text = text_of(EvaluationReport(evaluation=found, duplicates=none), tmp_path)
    assert "None of 30 test images is like one of 9" in text


@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
def test_in_a_browser_all_charts_are_drawn_and_nothing_is_complained_about(tmp_path):
    report = whole(tmp_path)
    path = write_evaluation(report, tmp_path / "page.html")
    dom, log = opened(path, tmp_path)
    assert "CONSOLE" not in log, [line for line in log.splitlines() if "CONSOLE" in line]
    assert 'data-charts="6"' in dom
    for key in ("reliability", "calibrated", "confusion", "roc", "precision", "robustness"):
        assert f'id="chart-{key}"' in dom
    assert np.isfinite(report.evaluation.loss)
