"""evaluate on folders and shards: every image once, whatever happens in between."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch

from convatlas import bundle, models
from tests.bundle.forge import info_of
from tests.cli.run import convatlas
from tests.data.images import write_folder
from tests.data.shards import member, png, samples, write_shard

CLASSES = [f"class {i}" for i in range(10)]


def net(directory, seed=0, **changes):
    torch.manual_seed(seed)
    info = info_of("resnet8_small").model_copy(update=changes)
    return bundle.save(directory / "a.bundle", models.build("resnet8_small"), info)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return net(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "set", dict.fromkeys(CLASSES, 3))


def evaluated(*arguments):
    return json.loads(convatlas("evaluate", *map(str, arguments), "--json").out)


def kept(out):
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "claims")
    return {p.relative_to(out): p.read_bytes() for p in files if not p.name.startswith(".")}


def test_shards_and_folders_of_the_same_images_score_the_same(model, folder, tmp_path):
    files = sorted(folder.rglob("*.png"))
    write_shard(tmp_path / "s" / "0.tar", [
        each for place, file in enumerate(files)
        for each in (member(f"{place:03d}.png", file.read_bytes()),
                     member(f"{place:03d}.cls", file.parent.name.encode()))
    ])  # fmt: skip
    one, two = evaluated(model, folder, "--split", "all"), evaluated(model, tmp_path / "s")
    assert one["n"] == two["n"] == 30
    for name in ("top1_error", "top5_error", "loss", "confusion", "protocol", "top_k"):
        assert one[name] == two[name]


def test_scores_that_are_kept_are_used_again_and_not_mixed(model, folder, tmp_path):
    arguments = (model, folder, "--split", "all", "--out", tmp_path / "out")
    first, before = evaluated(*arguments, "--topk", "3"), kept(tmp_path / "out")
    assert [top["k"] for top in first["top_k"]] == [1, 3, 5]
    piece = next((tmp_path / "out").rglob("*.safetensors"))
    changed = piece.stat().st_mtime_ns
    assert evaluated(*arguments)["loss"] == first["loss"]
    assert piece.stat().st_mtime_ns == changed
    assert kept(tmp_path / "out") == before
    for options, words in (
        (["--protocol", "flip(single_crop)"], "protocol 'single_crop("),
        (["--preprocessing", "zero_to_one"], "(zero_to_one)'"),
        (["--split", "train"], "data 'set, all', now 'set, train'"),
    ):
        ran = convatlas("evaluate", *map(str, arguments), *options, code=2)
        assert "holds the scores of another evaluation" in ran.err
        assert words in ran.err


def test_an_ensemble_is_told_from_its_members(model, folder, tmp_path):
    other = net(tmp_path, seed=1, classes=CLASSES[::-1])
    found = evaluated(model, other, folder, "--split", "all", "--save", tmp_path / "p.jsonl")
    assert [m["model"] for m in found["members"]] == [
        f"resnet8_small on cows ({model})", f"resnet8_small on cows ({other})",
    ]  # fmt: skip
    alone = evaluated(other, folder, "--split", "all")
    assert found["members"][1]["loss"] == alone["loss"]
    assert found["loss"] < max(m["loss"] for m in found["members"])
    assert found["protocol"].startswith("ensemble of 2: single_crop(")
    rows = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert len({row["image"] for row in rows}) == len(rows) == 30
    assert sum(row["correct"] for row in rows) == round(30 * found["accuracy"] / 100)
    text = convatlas("evaluate", str(model), str(other), str(folder), "--split", "all")
    assert "ensemble of 2" in text.out
    assert "another order" not in text.err  # than the first model's


def test_a_class_list_in_another_order_is_said_and_matched(folder, tmp_path):
    turned = net(tmp_path, classes=[CLASSES[3], *CLASSES[:3], *CLASSES[4:]])
    ran = convatlas("evaluate", str(turned), str(folder), "--split", "all", "--json")
    assert "The model lists the classes in another order than the data ('class 3' comes" in ran.err
    counts = {row["name"]: row["n"] for row in json.loads(ran.out)["per_class"]}
    assert counts == dict.fromkeys(CLASSES, 3)


def test_unreadable_images_of_a_stream_are_refused_or_named(model, tmp_path):
    content = [*samples([0, 1]), member("x.png", png(9)[:40]), member("x.cls", b"1")]
    path = write_shard(tmp_path / "a.tar", content)
    ran = convatlas("evaluate", str(model), str(path), code=2)
    assert "Image 'a.tar/x.png' cannot be read: " in ran.err
    assert "--unreadable skip" in ran.err
    saved = tmp_path / "p.jsonl"
    ran = convatlas("evaluate", str(model), str(path), "--unreadable", "skip",
                    "--save", str(saved), "--json")  # fmt: skip
    found = json.loads(ran.out)
    assert found["n"] == 2
    assert [file["name"] for file in found["unreadable"]] == ["a.tar/x.png"]
    assert "not scored, cannot be read: a.tar/x.png (" in ran.err
    rows = [json.loads(line) for line in saved.read_text().splitlines()]
    assert [bool(row["error"]) for row in rows] == [False, False, True]


def test_slices_temperature_robustness_and_near_duplicates(model, folder, tmp_path):
    names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.png"))]
    rows = "".join(f"{name},{'day' if i % 2 else 'night'}\n" for i, name in enumerate(names))
    table = tmp_path / "light.csv"
    table.write_text("image,light\n" + rows + "gone.png,fog\n")
    found = evaluated(model, folder, "--slices", table, "--calibrate", "val", "--split", "train",
                      "--robustness")  # fmt: skip
    (column,) = found["slices"]["columns"]
    assert [part["value"] for part in column["slices"]] == ["day", "night"]
    assert sum(part["n"] for part in column["slices"]) == found["n"]
    assert column["empty"] == ["fog"]
    assert found["calibration"]["temperature"]["fitted_on"] == "val of set"
    assert found["robustness"]["n"] == found["n"]
    found = evaluated(model, folder, "--duplicates")
    assert found["duplicates"]["tested"] == found["n"]
    text = convatlas("evaluate", str(model), str(folder), "--slices", str(table)).out
    assert " light " in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--protocol", "ten_crops"], ["ten_crop", "^"]),
        (["--topk", "11"], ["top-11", "1 to 10"]),
        (["--save", "x.csv"], ["'x.csv'", ".jsonl or .parquet"]),
        (["--slices", "gone.csv"], ["gone.csv"]),
        (["--calibrate", "test"], ["--calibrate test is the split that is scored"]),
        (["--calibrate", "val", "--split", "all"], ["--calibrate val", "Score another split"]),
        (["--report", "page.txt"], ["'page.txt'", ".html"]),
        (["--report", f"{__file__}/page.html"], ["a file is in the way"]),
        (["--save", f"{__file__}/all.jsonl"], ["a file is in the way"]),
        (["--duplicates", "--split", "train"], ["--duplicates"]),
        (["--preprocessing", "image_net"], ["'image_net'", "imagenet"]),
        (["--split", "half"], ["half"]),
        (["--processes", "0"], ["--processes"]),
    ],
)
def test_what_cannot_be_done_is_said_before_scoring(model, folder, tmp_path, options, words):
    out = tmp_path / "out"
    ran = convatlas("evaluate", str(model), str(folder), "--out", str(out), *options, code=2)
    assert all(word in ran.err for word in words), ran.err
    assert not out.exists()


def test_a_table_of_other_images_is_refused_before_scoring(model, folder, tmp_path):
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text("image,light\nother.jpg,day\n")
    ran = convatlas("evaluate", str(model), str(folder), "--slices", str(table), "--out", str(out),
                    code=2)  # fmt: skip
    assert "'other.jpg'" in ran.err
    assert not out.exists()


def test_the_page_shows_near_duplicates_beside_what_they_are_like(model, tmp_path):
    test, train = (
        write_folder(tmp_path / "set" / split, dict.fromkeys(CLASSES, 4), side=32, start=start)
        for start, split in ((0, "test"), (100, "train"))
    )
    for label in CLASSES[:2]:
        first = min((test / label).iterdir())
        (train / label / "copy.png").write_bytes(first.read_bytes())
    page = tmp_path / "page.html"
    found = evaluated(model, tmp_path / "set", "--duplicates", "--report", page)
    assert len(found["duplicates"]["pairs"]) == 2
    text = page.read_text()
    assert text.count('alt="The test image"') == text.count('alt="The training image"') == 2


def test_the_same_net_twice_or_of_other_classes(model, folder, tmp_path):
    ran = convatlas("evaluate", str(model), str(model), str(folder), code=2)
    assert "hold the same net" in ran.err
    other = net(tmp_path, seed=1, classes=[*CLASSES[:9], "yak"])
    ran = convatlas("evaluate", str(model), str(other), str(folder), code=2)
    assert "does not know 1 of the data's 10 classes: 'class 9'" in ran.err
    assert "lacks 'yak'" in ran.err


def start(model, data, out, *options):
    command = [
        sys.executable, "-m", "convatlas", "evaluate", str(model), str(data), "--out", str(out),
        "--json", *options,
    ]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, start_new_session=True, **quiet)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # every start imports torch, in each process
@pytest.mark.parametrize("processes", [1, 3])
def test_killed_during_10_000_images_it_ends_with_the_same_bytes(model, tmp_path, processes):
    shards = tmp_path / "shards"
    for number in range(4):
        labels = [i % 10 for i in range(2500)]
        write_shard(shards / f"{number}.tar", samples(labels, start=2500 * number))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert start(model, shards, whole).wait() == 0
    moments, kills = random.Random(processes), 0
    while True:
        before = len(list(cut.rglob("*.safetensors")))
        with start(model, shards, cut, "--processes", str(processes)) as process:
            wanted = before + moments.randint(8, 14)
            while process.poll() is None and len(list(cut.rglob("*.safetensors"))) < wanted:
                time.sleep(0.01)
            if process.poll() is not None:
                break
            time.sleep(moments.uniform(0, 0.05))
            os.kill(process.pid, signal.SIGKILL)
        kills += 1
    assert process.returncode == 0
    assert kills >= 2
    assert kept(cut) == kept(whole)
    assert len(list(cut.rglob("*.safetensors"))) == 40
    one, two = (evaluated(model, shards, "--out", out) for out in (whole, cut))
    assert one == two
    assert one["n"] == 10_000
