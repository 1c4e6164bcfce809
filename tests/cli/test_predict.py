"""predict over many files, folders and with heat maps; excitation."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from convatlas import bundle, models
from tests.bundle import forge
from tests.cli.run import convatlas


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return forge.written(tmp_path_factory.mktemp("model"), "resnet8_small")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    shades = np.random.default_rng(0)
    for name, size in (("b/1.png", (60, 40)), ("b/2.png", (40, 90)), ("a/1.png", (32, 32))):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(shades.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(path)
    (folder / "b" / "notes.txt").write_text("x")
    return folder


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_folders_lines_saved_lines_and_json_tell_the_same(model, photos, tmp_path):
    ran = convatlas("predict", str(model), str(photos), "--json-lines",
                    "--save", str(tmp_path / "p.jsonl"))  # fmt: skip
    rows = lines(ran.out)
    names = ["a/1.png", "b/1.png", "b/2.png"]
    assert [row["file"] for row in rows] == [str(photos / name) for name in names]
    assert all(len(row["classes"]) == 3 and row["error"] is None for row in rows)
    assert lines((tmp_path / "p.jsonl").read_text()) == rows
    files = [str(photos / name) for name in names]
    assert json.loads(convatlas("predict", str(model), *files, "--json").out) == rows


def test_a_damaged_file_is_a_line_too_and_the_saved_file_is_whole(model, photos, tmp_path):
    bad, saved = tmp_path / "bad.png", tmp_path / "p.jsonl"
    bad.write_bytes(b"no image")
    ran = convatlas("predict", str(model), str(bad), str(photos), "--json-lines",
                    "--save", str(saved), code=2)  # fmt: skip
    rows = lines(saved.read_text())
    assert rows == lines(ran.out)
    assert [row["error"] is None for row in rows] == [False, True, True, True]
    assert "1 of 4 files could not be read" in ran.err


def test_of_many_files_the_table_counts_classes(model, photos, tmp_path):
    files = [str(photos / "a/1.png")] * 120 + [str(photos / "b/1.png")] * 90
    bad = [str(tmp_path / f"{i}.png") for i in range(25)]
    ran = convatlas("predict", str(model), *files, *bad, code=2)
    found = [line.split() for line in ran.out.splitlines()]
    assert found[0] == ["class", "files"]
    assert sum(int(row[-1]) for row in found[1:]) == 210
    assert ran.err.count("Cannot read image") == 20
    assert "... and 5 more that could not be read" in ran.err
    assert "--json-lines" in ran.err


@pytest.mark.parametrize("method", ["cam", "gradcam", "classmap"])
def test_heat_maps_are_written_by_the_path_below_what_was_given(model, photos, tmp_path, method):
    out = tmp_path / "heat"
    ran = convatlas("predict", str(model), str(photos / "a"), str(photos / "b/2.png"),
                    "--heatmap", method, "--out", str(out), "--json-lines")  # fmt: skip
    wanted = [out / f"a/1.png.{method}.png", out / f"b/2.png.{method}.png"]
    assert [row["heatmap"] for row in lines(ran.out)] == list(map(str, wanted))
    assert sorted(path for path in out.rglob("*") if path.is_file()) == wanted
    for path, size in zip(wanted, ((256, 256), (40 * 3, 90 * 3)), strict=True):
        with Image.open(path) as drawn:
            assert drawn.size == size


def test_the_class_that_is_asked_for_is_drawn(model, photos, tmp_path):
    drawn = []
    for label in ("class 1", "class 2"):
        convatlas("predict", str(model), str(photos / "b/1.png"), "--heatmap", "cam",
                  "--class", label, "--out", str(tmp_path / label))  # fmt: skip
        drawn.append((tmp_path / label / "1.png.cam.png").read_bytes())
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--heatmap", "cam"], ["--out"]),
        (["--out", "x"], ["--heatmap"]),
        (["--class", "class 1"], ["--heatmap"]),
        (["--heatmap", "cam", "--out", "x", "--class", "clas 1"], ["'clas 1'", "class 1"]),
        (["--heatmap", "cam", "--out", "x", "--side", "64"], ["side=64", "classmap"]),
        (["--heatmap", "classmap", "--out", "x", "--side", "16"], ["side=16", "32"]),
        (["--save", "p.csv"], ["'p.csv'", ".jsonl"]),
    ],
)
def test_options_that_do_not_fit_are_explained(
    model, photos, options, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    ran = convatlas("predict", str(model), str(photos), *options, code=2)
    assert "Traceback" not in ran.err
    assert all(word in ran.err for word in words), ran.err
    assert list(tmp_path.iterdir()) == []


def test_folders_without_images(model, tmp_path):
    ran = convatlas("predict", str(model), str(tmp_path), code=2)
    assert f"no images below {str(tmp_path)!r}" in ran.err
    assert "nothing to predict" in ran.err


def test_a_net_without_gates_is_told(model):
    ran = convatlas("excitation", str(model), "digits", code=2)
    assert "no squeeze-and-excitation block" in ran.err


def test_gates_of_a_bundle_on_a_folder(tmp_path):
    changes = {"input_side": 8, "width_multiplier": 0.5, "num_classes": 2}
    info = forge.info_of("efficientnet_small", **changes)
    info = info.model_copy(update={"classes": ["ant", "bee"]})
    net = models.build("efficientnet_small", **changes)
    path = str(bundle.save(tmp_path / "gates.bundle", net, info))
    data, page = tmp_path / "data", tmp_path / "gates.html"
    shades = np.random.default_rng(0)
    for part, label, n in itertools.product(("train", "test"), ("ant", "bee"), range(4)):
        file = data / part / label / f"{n}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(shades.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(file)
    ran = convatlas("excitation", path, str(data), "--out", str(page), "--classes", "bee", "--json")
    told = json.loads(ran.out)
    names = [name for name, _ in net.named_modules() if name.endswith("excite")]
    assert [block["name"] for block in told["blocks"]] == names
    assert told["images"] == [4, 4]
    assert all(0 < block["level"] < 1 for block in told["blocks"])
    text = page.read_text("utf-8")
    assert '"name":"bee"' in text
    assert '"name":"ant"' not in text
    ran = convatlas("excitation", path, str(data), "--classes", "be", code=2)
    assert "'be'" in ran.err
