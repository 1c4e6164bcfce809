"""train, evaluate, predict and export by the way a person takes, on images of every kind."""

import json
import shutil
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from convatlas import bundle
from convatlas.files import locked
from tests.cli.run import convatlas

COLOURS = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (200, 50, 40)}
SIDE = 16
KINDS = ("png", "jpg", "rgba", "palette", "cmyk")


def picture(name, seed, size=(SIDE, SIDE)):
    """A solid hue and noise."""
    noise = np.random.default_rng(seed).normal(0, 25, (size[1], size[0], 3))
    return Image.fromarray((noise + COLOURS[name]).clip(0, 255).astype(np.uint8))


def save(image, path, kind):
    if kind == "jpg":
        image.save(path.with_suffix(".jpg"), quality=90)
    elif kind == "cmyk":
        image.convert("CMYK").save(path.with_suffix(".jpg"))
    elif kind == "rgba":
        image.convert("RGBA").save(path.with_suffix(".png"))
    elif kind == "palette":
        image.quantize(64).save(path.with_suffix(".png"))
    elif kind == "grey":
        image.convert("L").save(path.with_suffix(".png"))
    else:
        image.save(path.with_suffix(".png"))


def write_colours(root, names=tuple(COLOURS), count=20):
    for place, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for i in range(count):
            kind = "grey" if i == 7 else KINDS[i % len(KINDS)]
            save(picture(name, 1000 * place + i), root / name / f"{i:02d}", kind)
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_colours(tmp_path_factory.mktemp("data") / "colours")


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """The directory of a run of `convatlas train`."""
    out = tmp_path_factory.mktemp("run")
    ran = convatlas(
        "train", str(folder), "--net", "resnet8_small", "--width", "0.25", "--steps", "40",
        "--batch", "16", "--threads", "1", "--out", str(out), "--json",
    )  # fmt: skip
    result = json.loads(ran.out)
    assert result["test"]["accuracy"] >= 70
    assert "set aside" in ran.err
    return out


@pytest.fixture(scope="module")
def net(trained):
    return trained / "resnet8_small.bundle"


@pytest.fixture(scope="module")
def exported(net):
    ran = convatlas("export", str(net))
    path = net.with_suffix(".onnx")
    assert str(path) in ran.out
    assert "100.00 % of 72 inputs" in ran.out
    return path


def evaluated(model, data, *options, code=0):
    return json.loads(convatlas("evaluate", str(model), str(data), "--json", *options).out)


def predicted(model, *files, code=0):
    ran = convatlas("predict", str(model), *map(str, files), "--json", code=code)
    return json.loads(ran.out)


def test_the_scores_are_those_of_training(net, trained, folder):
    result = json.loads((trained / "result.json").read_bytes())
    found, expected = evaluated(net, folder), result["test"]
    assert found["unreadable"] == []
    assert found["loss"] == pytest.approx(expected["loss"], abs=1e-6)
    assert found["calibration_error"] == pytest.approx(expected["calibration_error"], abs=1e-6)
    names = [[mistake["name"] for mistake in told["mistakes"]] for told in (found, expected)]
    assert names[0] == names[1]
    for name in ("n", "accuracy", "top1_error", "top5_error", "confusion", "per_class"):
        assert found[name] == expected[name]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_bundle_and_onnx_file_score_the_same(net, exported, folder, split):
    first = evaluated(net, folder, "--split", split)
    second = evaluated(exported, folder, "--split", split)
    for name in ("n", "top1_error", "top5_error", "confusion", "per_class", "protocol"):
        assert first[name] == second[name]
    assert first["loss"] == pytest.approx(second["loss"], abs=1e-5)


def test_evaluate_prints_tables_and_remarks_apart(net, folder):
    ran = convatlas("evaluate", str(net), str(folder))
    for words in (
        "resnet8_small on colours",
        "single_crop(resize=16, crop=16",
        "top-1 error",
        "recall",
    ):
        assert words in ran.out
    assert "set aside" in ran.err  # which images were scored
    assert "set aside" not in ran.out
    assert max(len(line.rstrip()) for line in ran.out.splitlines()) <= 80


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """One file of every kind."""
    root = tmp_path_factory.mktemp("kinds")
    for place, kind in enumerate((*KINDS, "grey")):
        save(picture("red", place, (23, 17)), root / kind, kind)
    wide = np.asarray(picture("green", 9, (40, 20)).convert("L"))
    Image.fromarray(wide.astype(np.uint16) << 8).save(root / "deep.png")
    Image.fromarray(wide).save(root / "shallow.png")
    upright = picture("blue", 8, (30, 20))
    upright.paste((255, 255, 255), (0, 0, 9, 9))
    upright.save(root / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(root / "turned.png", exif=exif)
    return root


def test_bundle_and_onnx_file_predict_the_same(net, exported, kinds):
    files = sorted(kinds.iterdir())
    first, second = predicted(net, *files), predicted(exported, *files)
    assert [row["file"] for row in first] == [str(file) for file in files]
    for mine, theirs in zip(first, second, strict=True):
        shares = [{a["class"]: a["probability"] for a in row["classes"]} for row in (mine, theirs)]
        assert shares[0] == pytest.approx(shares[1], abs=1e-5)
        assert sum(shares[0].values()) == pytest.approx(1)
        assert set(shares[0]) == set(COLOURS)
        order = [answer["probability"] for answer in mine["classes"]]
        assert order == sorted(order, reverse=True)
        assert mine["error"] is None


def test_a_file_is_understood_whatever_way_it_is_stored(net, kinds):
    rows = predicted(net, *sorted(kinds.iterdir()))
    answers = {row["file"].rpartition("/")[2]: row["classes"] for row in rows}
    assert answers["turned.png"] == answers["upright.png"]
    assert answers["deep.png"] == answers["shallow.png"]
    for name in ("png.png", "jpg.jpg", "rgba.png", "palette.png", "cmyk.jpg"):
        assert answers[name][0]["class"] == "red", name
    assert len(answers) == 10


@pytest.fixture
def damaged(kinds, tmp_path):
    for name in ("png.png", "jpg.jpg"):
        content = (kinds / name).read_bytes()
        (tmp_path / f"half {name}").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not an image")
    return tmp_path


@pytest.mark.parametrize("model", ["net", "exported"])
def test_a_damaged_file_is_named_and_the_others_answered(model, kinds, damaged, request):
    bad = [*sorted(damaged.iterdir()), damaged / "nowhere.png"]
    files = [kinds / "png.png", *bad, kinds / "upright.png"]
    model = str(request.getfixturevalue(model))
    rows = predicted(model, *files, code=2)
    assert [row["error"] is None for row in rows] == [True, *[False] * 5, True]
    assert rows[0]["classes"][0]["class"] == "red"
    ran = convatlas("predict", model, *map(str, files), code=2)
    assert "Traceback" not in ran.err
    assert "error: 5 of 7 files could not be read." in ran.err
    for file in bad:
        assert f"Cannot read image {str(file)!r}: " in ran.err
        assert str(file) not in ran.out
    assert str(kinds / "upright.png") in ran.out


def test_predict_prints_a_file_once_and_fits_a_terminal(net, kinds, monkeypatch):
    monkeypatch.chdir(kinds)
    lines = convatlas("predict", str(net), "png.png", "grey.png", "--top", "2").out.splitlines()
    assert lines[0].split() == ["file", "class", "probability"]
    assert lines[1].split()[:2] == ["png.png", "red"]
    assert lines[2].split()[0] in COLOURS
    assert lines[3].split()[0] == "grey.png"
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1  # aligned
    assert len(lines[0]) <= 80


def test_nothing_but_files_that_cannot_be_read(net, tmp_path):
    ran = convatlas("predict", str(net), str(tmp_path / "y"), str(tmp_path / "x.png"), code=2)
    assert ran.out == ""
    assert "error: 2 of 2 files could not be read." in ran.err


def test_a_process_of_its_own_says_nothing_more(net, kinds):
    """No warning of a library reaches the screen."""
    command = [sys.executable, "-m", "convatlas", "predict", str(net), str(kinds / "png.png")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert "red" in ran.stdout


def truncate_weights(path):
    file = path / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-7])


DAMAGE = {
    "half the weights": (truncate_weights, "weights.safetensors"),
    "no weights": (lambda path: (path / "weights.safetensors").unlink(), "weights.safetensors"),
    "no description": (lambda path: (path / "bundle.json").unlink(), "bundle.json"),
    "foreign": (lambda path: (path / "bundle.json").write_text('{"name": "x"}'), "bundle.json"),
    "a list": (lambda path: (path / "bundle.json").write_text("[1, 2]"), "bundle.json"),
    "binary": (lambda path: (path / "bundle.json").write_bytes(b"\x80\x04\x95"), "bundle.json"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("command", ["predict", "export", "evaluate", "cost"])
def test_a_damaged_bundle_is_refused(net, kinds, folder, tmp_path, command, damage, words):
    copy = shutil.copytree(net, tmp_path / "copy.bundle")
    damage(copy)
    rest = {"predict": [str(kinds / "png.png")], "evaluate": [str(folder)]}.get(command, [])
    ran = convatlas(command, str(copy), *rest, code=2)
    assert ran.err.startswith("error: ")
    assert "Traceback" not in ran.err
    assert words in ran.err
    assert str(copy) in ran.err
    assert ran.out == ""
    assert not (tmp_path / "copy.onnx").exists()


def test_classes_are_matched_by_name(net, exported, tmp_path):
    """Of three classes two are there, so that their numbers differ from the model's."""
    data = write_colours(tmp_path / "some", ("green", "red"), count=10)
    for model in (net, exported):
        found = evaluated(model, data, "--split", "train")
        rows = {row["name"]: row for row in found["per_class"]}
        assert rows["blue"]["n"] == 0
        assert rows["blue"]["recall"] is None
        assert rows["green"]["n"] + rows["red"]["n"] == found["n"]
        assert found["accuracy"] >= 70
    assert " blue " in convatlas("evaluate", str(net), str(data)).out


def test_a_class_that_the_model_does_not_know_is_named(net, tmp_path):
    data = write_colours(tmp_path / "more", count=8)
    (data / "red").rename(data / "crimson")
    ran = convatlas("evaluate", str(net), str(data), code=2)
    assert "does not know 1 of the data's 3 classes: 'crimson'" in ran.err
    assert "It knows 'blue', 'green', 'red'." in ran.err


def test_unreadable_images_are_refused_unless_asked_otherwise(net, tmp_path):
    data = write_colours(tmp_path / "data", count=8)
    (data / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    ran = convatlas("evaluate", str(net), str(data), code=2)
    assert "1 unreadable image files: 'red/broken.jpg'" in ran.err
    ran = convatlas("evaluate", str(net), str(data), "--unreadable", "skip", "--json")
    assert [file["name"] for file in json.loads(ran.out)["unreadable"]] == ["red/broken.jpg"]
    assert "not scored, cannot be read: red/broken.jpg (" in ran.err


def test_a_directory_in_use_is_refused(folder, tmp_path):
    with locked(tmp_path):
        ran = convatlas(
            "train", str(folder), "--net", "resnet8_small", "--out", str(tmp_path), code=2
        )
    assert "in use by another convatlas process" in ran.err


def test_another_net_in_the_directory_of_a_run(trained, folder, net):
    before = (net / "weights.safetensors").read_bytes()
    ran = convatlas(
        "train", str(folder), "--net", "lenet5_small", "--steps", "40", "--batch", "16",
        "--out", str(trained), code=2,
    )  # fmt: skip
    assert "holds another training: family is resnet_cifar there, lenet asked for" in ran.err
    assert ran.out == ""
    assert (net / "weights.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--net", "resnet8_smal"], ["'resnet8_smal'", "resnet8_small"]),
        (["--net", "resnet8_small", "--epochs", "0.01"], ["epochs=0.01", "make no step of 64"]),
        (["--net", "resnet8_small", "--epochs", "inf"], ["epochs=inf"]),
        (["--net", "resnet8_small", "--steps", "0"], ["steps=0"]),
        (["--net", "resnet8_small", "--threads", "-1"], ["threads=-1"]),
        (["--net", "lenet5_small", "--steps", "1", "--side", "4"], ["input_side=4"]),
        (["--net", "resnet8_small", "--steps", "1", "--batch", "0"], ["batch_size=0"]),
    ],
)
def test_train_says_what_cannot_be(folder, tmp_path, options, words):
    ran = convatlas("train", str(folder), "--out", str(tmp_path / "out"), *options, code=2)
    assert "Traceback" not in ran.err
    assert all(word in ran.err for word in words), ran.err
    assert ran.out == ""


def test_train_says_what_it_did(net, trained, folder):
    """Asked for again, a finished run only prints its result."""
    ran = convatlas(
        "train", str(folder), "--net", "resnet8_small", "--width", "0.25", "--steps", "40",
        "--batch", "16", "--threads", "1", "--out", str(trained),
    )  # fmt: skip
    assert ran.out.splitlines()[0].split() == ["net", "resnet8_small", "x0.25", "at", "16x16"]
    assert "test accuracy" in ran.out
    assert str(net) in ran.out


def test_export_elsewhere_and_as_json(net, tmp_path, monkeypatch):
    ran = convatlas("export", str(net), "--out", str(tmp_path / "new" / "x.onnx"), "--json")
    said = json.loads(ran.out)
    assert said["onnx"] == str(tmp_path / "new" / "x.onnx")
    assert said["bytes"] == (tmp_path / "new" / "x.onnx").stat().st_size
    assert said["parity"]["agreement"] == 1.0
    copy = shutil.copytree(net, tmp_path / "v1.2")
    convatlas("export", str(copy))
    assert (tmp_path / "v1.2.onnx").is_file()
    monkeypatch.chdir(copy)
    (tmp_path / "v1.2.onnx").unlink()
    convatlas("export", ".")
    assert (tmp_path / "v1.2.onnx").is_file()


def test_cost_and_time_of_trained_nets(net, exported):
    told = json.loads(convatlas("cost", str(net), "--json").out)
    assert told["params"] == sum(p.numel() for p in bundle.load(net).net.parameters())
    told = json.loads(convatlas("time", str(net), str(exported), "--seconds", "0.05", "--json").out)
    assert set(told) == {str(net), str(exported)}
    assert {timing["runtime"] for timing in told.values()} == {"onnxruntime"}
    text = convatlas("time", str(net), "lenet5", "--seconds", "0.05").out
    assert "3x16x16" in text
    assert "1x32x32" in text


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("cost", ["--side", "8"], "input_side=8 cannot change"),
        ("time", ["--side", "8", "--seconds", "0.05"], "input_side=8 cannot change"),
        ("time", ["--width", "0.5"], "width_multiplier=0.5 cannot change"),
        ("time", ["--seconds", "nan"], "--seconds nan"),
        ("time", ["--seconds", "0"], "--seconds 0"),
        ("time", ["--threads", "0"], "--threads"),
    ],
)
def test_what_a_trained_net_cannot_be(net, command, options, words):
    ran = convatlas(command, str(net), *options, code=2)
    assert words in ran.err
    assert ran.out == ""


def test_an_onnx_file_is_timed_in_its_runtime_and_not_counted(exported):
    ran = convatlas("time", str(exported), "--runtime", "torch", code=2)
    assert "runs in onnxruntime, not in torch" in ran.err
    ran = convatlas("cost", str(exported), code=2)
    assert "Give the bundle that it was exported from" in ran.err


def test_wrong_choices_name_the_right_ones(net, folder, kinds):
    ran = convatlas("evaluate", str(net), str(folder), "--split", "holdout", code=2)
    assert "'train', 'val', 'test'" in ran.err
    for arguments in (["evaluate", str(net), str(folder)], ["predict", str(net), "x.png"]):
        assert "--threads" in convatlas(*arguments, "--threads", "0", code=2).err


def test_an_animation_counts_by_its_first_picture(net, tmp_path):
    file = BytesIO()
    first, second = picture("red", 1), picture("blue", 2)
    first.save(file, "GIF", save_all=True, append_images=[second])
    (tmp_path / "moving.gif").write_bytes(file.getvalue())
    assert predicted(net, tmp_path / "moving.gif")[0]["classes"][0]["class"] == "red"
