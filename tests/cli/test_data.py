"""`convatlas data scan | show | pack`."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from convatlas.data import open_dataset
from tests.cli.run import convatlas
from tests.data.images import noise, write_folder


@pytest.fixture
def pets(tmp_path):
    write_folder(tmp_path / "pets" / "train", {"cat": 20, "dog": 10}, side=16)
    return write_folder(tmp_path / "pets" / "test", {"cat": 4, "dog": 4}, side=16, start=500).parent


def test_scan_of_sound_data(pets):
    found = convatlas("data", "scan", str(pets))
    lines = [line.split() for line in found.out.splitlines()]
    assert ["class", "train", "val", "test"] in lines
    assert ["cat", "17", "3", "4"] in lines
    assert ["dog", "8", "2", "4"] in lines
    assert "images          38 of 2 classes" in found.out
    assert "largest class   2.12 times the smallest to train on" in found.out
    assert "test/ (8 images) is the final test" in found.err


def test_scan_fails_on_what_cannot_be_read_and_on_leaks(pets):
    (pets / "train" / "cat" / "bad.jpg").write_text("no")
    told = convatlas("data", "scan", str(pets), code=1)
    assert told.err.endswith("error: 1 images cannot be read.\n")
    assert "train/cat/bad.jpg  no image in an allowed format" in told.out
    shutil.copy(pets / "train" / "cat" / "000.png", pets / "test" / "dog" / "copy.png")
    told = convatlas("data", "scan", str(pets), code=1)
    assert told.err.endswith(
        "error: 1 images cannot be read and 1 images equal one of another split.\n"
    )
    assert "1, 1 across splits, 1 across classes" in told.out
    assert "test/dog/copy.png            train/cat/000.png" in told.out
    (pets / "train" / "cat" / "bad.jpg").unlink()
    told = convatlas("data", "scan", str(pets), code=1)
    assert told.err.endswith("error: 1 images equal one of another split.\n")


def test_scan_as_json(pets):
    shutil.copy(pets / "train" / "cat" / "000.png", pets / "train" / "cat" / "again.png")
    found = json.loads(convatlas("data", "scan", str(pets), "--json", "--seed", "3").out)
    dataset = open_dataset(str(pets), seed=3)
    assert found["fingerprint"] == dataset.fingerprint
    assert found["images"] == {split.name: len(split) for split in dataset.splits}
    assert found["scan"]["duplicates"] == [["train/cat/again.png", "train/cat/000.png"]]
    assert found["scan"]["leaks"] == []
    assert found["titles"] == found["classes"] == ["cat", "dog"]


def test_scan_of_many_classes_shows_the_smallest_and_the_largest(tmp_path):
    counts = {f"x{i:02d}": 3 + (i >= 20) + (i >= 25) for i in range(45)}
    write_folder(tmp_path, counts, side=2)
    found = convatlas("data", "scan", str(tmp_path))
    shown = [line.split()[0] for line in found.out.splitlines() if line.startswith(" x")]
    assert shown == [f"x{i:02d}" for i in [*range(20), *range(25, 45)]]
    assert "... 5 between" in found.out


def test_scan_shows_words_for_wordnet_numbers(tmp_path):
    write_folder(tmp_path / "x", {"n01440764": 3, "n02119789": 3})
    (tmp_path / "words.txt").write_text("n01440764\ttench\nn02119789\tkit fox\n")
    assert (
        "n02119789  kit fox      1    1     1" in convatlas("data", "scan", str(tmp_path / "x")).out
    )


def test_scan_remembers(pets, tmp_path):
    for _ in range(2):
        convatlas("data", "scan", str(pets), "--cache", str(tmp_path / "cache"))
        assert len((tmp_path / "cache" / "scan.jsonl").read_text().splitlines()) == 39
    assert "No data set at 'gone'" in convatlas("data", "scan", "gone", code=2).err


def test_show_draws_what_the_net_sees(pets, tmp_path):
    out = tmp_path / "sheets" / "a.png"
    found = convatlas(
        "data", "show", str(pets), "--out", str(out), "--epochs", "3", "--per-class", "2", "--json"
    )
    result = json.loads(found.out)
    sheet = Image.open(out)
    assert (result["sheet"], result["side"], result["data"]) == (str(out), 16, "pets")
    assert sheet.size == (result["width"], result["height"])
    train = open_dataset(str(pets)).train
    first = np.asarray(train.image(0))
    enlarged = np.repeat(np.repeat(first, 6, axis=0), 6, axis=1)  # 96 pixels for 16
    pixels = np.asarray(sheet)
    assert any(
        np.array_equal(pixels[y : y + 96, x : x + 96], enlarged)
        for y in range(60, 74) for x in range(165, 180)
    )  # fmt: skip


def test_show_by_net_and_recipe(pets, tmp_path):
    def about(*options):
        out = str(tmp_path / "a.png")
        told = convatlas(
            "data", "show", str(pets), "--out", out, "--epochs", "1", "--json", *options
        )
        return json.loads(told.out), np.asarray(Image.open(out))

    found, own = about("--recipe", "resnet-cifar", "--side", "32")
    assert (found["net"], found["recipe"], found["side"]) == ("resnet20_cifar", "resnet-cifar", 32)
    assert not np.array_equal(about("--side", "32", "--seed", "5")[1], own)
    assert about("--net", "resnet20_cifar")[0]["side"] == 16


def test_show_refuses_before_images_are_read(pets, tmp_path):
    png = str(tmp_path / "a.png")
    for arguments, words in (
        (["gone", "--out", "a.jpg"], "Give a name ending in .png."),
        (["gone", "--out", str(pets)], "Give a name ending in .png."),
        (["gone", "--out", png, "--recipe", "resnet-cifra"], "Nearest: resnet-cifar"),
        (["gone", "--out", png, "--net", "resnet5O"], "resnet5O"),
        (["gone", "--out", png, "--recipe", "small-data"], "Say with --net which is to be"),
        ([str(pets), "--out", png, "--epochs", "100", "--per-class", "100"], "is too large"),
    ):
        assert words in convatlas("data", "show", *arguments, code=2).err
    assert not (tmp_path / "a.png").exists()


def test_pack_and_open_again(pets, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    command = ("data", "pack", str(pets), "--out", str(out), "--side", "12")
    first = json.loads(convatlas(*command, "--json").out)
    assert (first["images"], first["pixel_bytes"]) == (38, 38 * 12 * 12 * 3)
    assert first["path"] == str(out / "pets.packed")
    assert first["size_bytes"] == (out / "pets.packed").stat().st_size
    assert "not made: it is up to date" in convatlas(*command).out
    noise(16, 16, 3, 99).save(pets / "train" / "dog" / "new.png")
    assert "the data changed" in convatlas(*command).out
    assert "images          39 of 2 classes" in convatlas("data", "scan", first["path"]).out
    told = convatlas(*command, "--short-side", "9", code=2)
    assert "squares or whole pictures, not both. Give one." in told.err
    content = bytearray((out / "pets.packed").read_bytes())
    content[4096] ^= 1
    (out / "pets.packed").write_bytes(content)
    told = convatlas("data", "scan", first["path"], code=2)
    assert "are damaged: 1 of its 1 blocks" in told.err
