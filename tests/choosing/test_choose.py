"""The main job on a small folder of pictures, whole: no part replaced."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL
from time import sleep

import numpy as np
import pytest

from convatlas.bundle import load
from convatlas.choosing import Budgets, Choice, Request, choose
from convatlas.data import open_dataset
from convatlas.device import open_model
from convatlas.errors import UserError
from convatlas.files import locked
from tests.choosing.pictures import HUES, paint
from tests.cli.run import convatlas

SECONDS = 9.0


def quiet(*_: object) -> None:
    pass


def ask(data: Path, out: Path, **changes: object) -> Request:
    given = {
        "data": str(data),
        "out": out,
        "budgets": Budgets(size_bytes=30_000, latency_s=0.05, memory_bytes=100_000_000),
        "minutes": SECONDS / 60,
        **changes,
    }
    return Request(**given)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory) -> Choice:
    place = tmp_path_factory.mktemp("choose")
    return choose(ask(paint(place / "pictures"), place / "out"), progress=quiet, say=quiet)


def test_every_budget_is_kept_by_the_final_file(chosen):
    assert chosen.unmet == ""
    assert {b["what"]: b["kept"] for b in chosen.result["budgets"]} == {
        "latency": True,
        "size": True,
        "memory": True,
    }
    assert Path(chosen.result["files"]["onnx"]).stat().st_size <= 30_000


def test_hues_are_told_apart(chosen):
    test = chosen.result["test"]
    assert test["n"] == chosen.result["data"]["counts"]["test"]
    assert test["top1_error"] <= 10


def test_every_candidate_has_a_state_and_all_but_the_chosen_a_reason(chosen):
    states = [c["state"] for c in chosen.result["candidates"]]
    assert states.count("chosen") == 1
    assert "listed" not in states
    assert all(c["reason"] for c in chosen.result["candidates"] if c["state"] != "chosen")
    families = {c["family"] for c in chosen.result["candidates"]}
    assert len(families) >= 6


def test_bundle_and_file_answer_alike(chosen):
    files = chosen.result["files"]
    bundle, onnx = open_model(Path(files["bundle"])), open_model(Path(files["onnx"]))
    assert bundle.classes == onnx.classes == tuple(HUES)
    images = np.random.default_rng(0).normal(size=(5, *bundle.shape)).astype(np.float32)
    np.testing.assert_allclose(
        bundle.probabilities(images), onnx.probabilities(images), rtol=1e-4, atol=1e-6
    )
    assert chosen.result["parity"]["agreement"] == 1.0


def test_the_bundle_says_how_it_came_about(chosen):
    info = load(Path(chosen.result["files"]["bundle"])).info
    assert info.metrics[0]["n"] == chosen.result["test"]["n"]
    assert info.recipe["steps"] == chosen.result["training"]["steps"]


def test_choosing_never_saw_the_test_images(chosen):
    dataset = open_dataset(chosen.result["request"]["data"])
    seen = {*dataset.train.names, *dataset.val.names}
    assert not seen & set(dataset.test.names)
    assert len(dataset.test) == chosen.result["test"]["n"]


def test_asked_again_it_answers_from_the_directory(chosen):
    said: list[str] = []
    request = ask(Path(chosen.result["request"]["data"]), chosen.out)
    again = choose(request, progress=quiet, say=said.append)
    assert again.result == chosen.result
    assert "nothing left to do" in said[0]


def test_another_request_in_the_same_directory_is_refused(chosen):
    request = ask(Path(chosen.result["request"]["data"]), chosen.out)
    with pytest.raises(UserError, match="holds the work of another request"):
        choose(replace(request, minutes=7), progress=quiet, say=quiet)


def test_the_report_command_writes_the_page_again(chosen):
    convatlas("report", str(chosen.out))
    page = (chosen.out / "report.html").read_text()
    assert chosen.result["winner"] in page


def test_data_that_cannot_be_used_leave_the_directory_open(tmp_path):
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    with pytest.raises(UserError, match="holds no images"):
        choose(ask(tmp_path / "empty", out), progress=quiet, say=quiet)
    assert [file.name for file in out.iterdir() if file.suffix == ".json"] == []


def test_nothing_fits(tmp_path):
    pictures = paint(tmp_path / "pictures", each=8)
    out = tmp_path / "out"
    ran = convatlas("choose", str(pictures), "--size", "300B", "--out", str(out), code=3)
    assert "Nearest" in ran.err
    assert "times)" in ran.err
    result = json.loads((out / "result.json").read_text())
    assert result["winner"] is None
    assert (out / "report.html").exists()


def test_a_memory_that_the_runtime_alone_exceeds(tmp_path):
    pictures = paint(tmp_path / "pictures", each=8)
    asked = ["--memory", "1MB", "--size", "30kB", "--out", str(tmp_path / "out")]
    ran = convatlas("choose", str(pictures), *asked, code=3)
    assert "memory needs" in ran.err
    assert "1 MB asked" in ran.err


def test_an_impossible_latency_says_what_the_quickest_net_takes(tmp_path):
    pictures = paint(tmp_path / "pictures", each=8)
    out = tmp_path / "out"
    ran = convatlas("choose", str(pictures), "--latency", "1ns", "--out", str(out), code=3)
    assert "1 ns asked" in ran.err
    assert "us" in ran.err


def test_a_second_process_is_refused(tmp_path):
    pictures = paint(tmp_path / "pictures", each=4)
    with locked(tmp_path / "out"):
        command = [sys.executable, "-m", "convatlas", "choose", str(pictures)]
        ran = subprocess.run(
            [*command, "--out", str(tmp_path / "out")], capture_output=True, text=True, check=False
        )
    assert ran.returncode == 2
    assert "in use by another convatlas process" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [4, 7, 10, 13])
def test_killed_and_started_again_it_goes_on(after_s, tmp_path):
    pictures, out = paint(tmp_path / "pictures"), tmp_path / "out"
    command = [sys.executable, "-m", "convatlas", "choose", str(pictures), "--size", "30kB"]
    command += ["--minutes", "0.2", "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    sleep(after_s)
    process.send_signal(SIGKILL)
    process.communicate()
    subprocess.run(command, check=True, capture_output=True)
    result = json.loads((out / "result.json").read_text())
    assert result["winner"]
    assert all(b["kept"] for b in result["budgets"])


@pytest.mark.slow
def test_machines_share_one_search(tmp_path):
    pictures, url = paint(tmp_path / "pictures"), f"sqlite:///{tmp_path / 'shared.db'}"
    command = [sys.executable, "-m", "convatlas", "choose", str(pictures), "--size", "30kB"]
    command += ["--minutes", "0.3", "--storage", url]
    processes = [
        subprocess.Popen([*command, "--out", str(tmp_path / name)], stderr=subprocess.PIPE)
        for name in ("one", "two")
    ]
    for process in processes:
        _, err = process.communicate()
        assert process.returncode == 0, err
    results = [json.loads((tmp_path / name / "result.json").read_text()) for name in ("one", "two")]
    assert results[0]["winner"] == results[1]["winner"]
    scores = [
        {c["id"]: [s["accuracy"] for s in c["scores"]] for c in r["candidates"] if c["scores"]}
        for r in results
    ]
    assert scores[0] == scores[1]
