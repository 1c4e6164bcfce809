"""Folders as people keep them, and what is said when they cannot be learned from."""

import json
import os
import shutil

import numpy as np
import pytest

from convatlas.data import open_dataset
from convatlas.errors import UserError
from tests.data.images import noise, write_folder


def counts(dataset):
    return {name: dict(of.items()) for name, of in dataset.scan.counts.items()}


def test_class_folders_are_divided_in_proportion(tmp_path):
    root = write_folder(tmp_path / "pets", {"cat": 40, "dog": 20, "rare": 3})
    dataset = open_dataset(str(root))
    assert (dataset.name, dataset.kind, dataset.classes) == (
        "pets",
        "folder",
        ("cat", "dog", "rare"),
    )
    assert counts(dataset) == {
        "train": {"cat": 28, "dog": 14, "rare": 1},
        "val": {"cat": 6, "dog": 3, "rare": 1},
        "test": {"cat": 6, "dog": 3, "rare": 1},
    }
    assert (dataset.channels, dataset.native_side, dataset.flip) == (3, 8, True)
    assert "15% for the final test and 15% to choose by" in dataset.notes[0]
    names = [name for split in dataset.splits for name in split.names]
    assert sorted(names) == sorted(str(p.relative_to(root)) for p in root.rglob("*.png"))
    for split in dataset.splits:
        for i, name in enumerate(split.names):
            assert dataset.classes[split.labels[i]] == name.split("/")[0]
            expected = np.asarray(noise(8, 8, 3, seed_of(name)))
            assert np.array_equal(np.asarray(split.image(i)), expected)


def seed_of(name):
    return {"cat": 1, "dog": 41, "rare": 61}[name.split("/")[0]] + int(name.split("/")[1][:3])


def test_division_depends_on_seed_and_names_only(tmp_path):
    root = write_folder(tmp_path / "a", {"cat": 20, "dog": 20})
    first = open_dataset(str(root))
    reversed_copy = tmp_path / "b"
    for path in sorted(root.rglob("*.png"), reverse=True):
        target = reversed_copy / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    second = open_dataset(str(reversed_copy))
    assert [s.names for s in first.splits] == [s.names for s in second.splits]
    assert first.fingerprint == second.fingerprint
    other = open_dataset(str(root), seed=1)
    assert other.test.names != first.test.names
    assert other.fingerprint != first.fingerprint


def test_fingerprint_sees_pixels_labels_and_names(tmp_path):
    root = write_folder(tmp_path / "a", {"cat": 5, "dog": 5})
    before = open_dataset(str(root))
    noise(8, 8, 3, 99).save(root / "cat" / "000.png")
    after = open_dataset(str(root))
    assert after.fingerprint != before.fingerprint
    (root / "dog").rename(root / "wolf")
    assert open_dataset(str(root)).fingerprint != after.fingerprint


def test_three_folders_are_taken_as_they_are(tmp_path):
    for start, (split, n) in enumerate((("train", 5), ("Val", 2), ("testing", 1))):
        write_folder(tmp_path / split, {"cat": n, "dog": n}, start=100 * start)
    dataset = open_dataset(str(tmp_path))
    assert [len(split) for split in dataset.splits] == [10, 4, 2]
    assert dataset.test.names == ("testing/cat/000.png", "testing/dog/000.png")
    assert dataset.notes == ("Training, validation and test images as the folders divide them.",)


@pytest.mark.parametrize("second", ["val", "test"])
def test_two_folders_keep_the_second_for_the_test(tmp_path, second):
    write_folder(tmp_path / "train", {"cat": 20, "dog": 40})
    write_folder(tmp_path / second, {"cat": 7, "dog": 8}, start=500)
    dataset = open_dataset(str(tmp_path))
    assert counts(dataset)["test"] == {"cat": 7, "dog": 8}
    assert counts(dataset)["val"] == {"cat": 3, "dog": 6}
    assert counts(dataset)["train"] == {"cat": 17, "dog": 34}
    assert all(name.startswith(f"{second}/") for name in dataset.test.names)
    assert all(name.startswith("train/") for name in dataset.val.names)
    assert f"{second}/ (15 images) is the final test and never seen while" in dataset.notes[0]
    assert "15% of each class of train/ (9 images) were set aside" in dataset.notes[0]


def test_train_folder_alone_and_test_folder_without_classes(tmp_path):
    write_folder(tmp_path / "train", {"cat": 20, "dog": 20})
    assert [len(s) for s in open_dataset(str(tmp_path)).splits] == [28, 6, 6]
    (tmp_path / "test").mkdir()
    noise(8, 8).save(tmp_path / "test" / "unlabelled.jpg")
    dataset = open_dataset(str(tmp_path))
    assert [len(s) for s in dataset.splits] == [28, 6, 6]
    assert "'test' has no class folders with images: not used." in dataset.notes
    assert any("1 images directly in test/" in note for note in dataset.notes)


def test_classes_that_are_called_train_and_plane(tmp_path):
    write_folder(tmp_path, {"train": 5, "plane": 5})
    assert open_dataset(str(tmp_path)).classes == ("plane", "train")


def test_what_is_in_the_way(tmp_path):
    root = write_folder(tmp_path / "x", {"cat/tabby/old": 5, "cat": 5, "dog": 10, "x.jpg": 4})
    for junk in ("Thumbs.db", ".DS_Store", "README.txt", "cat/Thumbs.db", "cat/notes.txt"):
        (root / junk).write_bytes(b"P5 is how a PGM starts; this is text"[3:])
    noise(8, 8, 3, 77).save(root / "cat" / "no_extension", "PNG")
    noise(8, 8, 3, 78).save(root / "cat" / "really_a.jpg", "PNG")
    noise(8, 8, 3, 79).save(root / "dog" / ".hidden.png")
    noise(8, 8, 3, 80).save(root / "beside.png")
    (root / "docs").mkdir()
    (root / ".git").mkdir()
    (root / "cat" / "around").symlink_to(root / "cat")
    dataset = open_dataset(str(root), unreadable="refuse")
    total = {c: sum(counts(dataset)[s][c] for s in counts(dataset)) for c in dataset.classes}
    assert total == {"cat": 12, "dog": 10, "x.jpg": 4}
    assert dataset.scan.ignored == 2
    assert "Folder 'docs' holds no images and is not a class." in dataset.notes
    assert any("1 images directly in the folder, outside" in note for note in dataset.notes)
    assert "cat/tabby/old/000.png" in [n for s in dataset.splits for n in s.names]


def hostile(root):
    """A folder with every fault a file can have, beside twelve good images; the bad ones' names."""
    write_folder(root, {"a": 6, "b": 6})
    bad = root / "a"
    good = (root / "b" / "000.png").read_bytes()
    (bad / "cut.jpg").write_bytes(good[:60])
    (bad / "empty.jpg").touch()
    (bad / "text.jpg").write_text("hello")
    (bad / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    os.mkfifo(bad / "pipe.jpg")
    (bad / "nowhere.jpg").symlink_to("gone")
    (bad / "loop.jpg").symlink_to("loop.jpg")
    with open(os.fsencode(bad) + b"/\xff.png", "wb") as file:
        file.write(b"x")
    return sorted(
        ["cut.jpg", "empty.jpg", "text.jpg", "photo.heic", "pipe.jpg", "nowhere.jpg", "loop.jpg",
         "\\xff.png"]
    )  # fmt: skip


def test_unreadable_files_are_counted_and_named(tmp_path):
    names = hostile(tmp_path / "x")
    dataset = open_dataset(str(tmp_path / "x"))
    assert sum(len(split) for split in dataset.splits) == 12
    assert sorted(file.name for file in dataset.scan.unreadable) == [f"a/{n}" for n in names]
    reasons = {file.name: file.reason for file in dataset.scan.unreadable}
    assert reasons["a/photo.heic"] == ".heic files are not supported; convert it to JPEG or PNG"
    assert "8 image files cannot be read and are left out." in dataset.notes
    json.dumps(dataset.scan.as_dict()).encode()
    with pytest.raises(
        UserError, match=r"has 8 unreadable image files: 'a/cut\.jpg': .*; and 3 more"
    ):
        open_dataset(str(tmp_path / "x"), unreadable="refuse")


def test_grey_images_in_colour_files_are_grey(tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(4):
            image = noise(40, 40, 1, ord(label) + 10 * number)
            image.convert("RGB").save(tmp_path / label / f"{number}.jpg")
    dataset = open_dataset(str(tmp_path))
    assert (dataset.channels, dataset.flip, dataset.scan.modes) == (1, False, {"RGB": 8})
    noise(40, 40, 3).save(tmp_path / "a" / "colour.png")
    assert open_dataset(str(tmp_path)).channels == 3


def refusal(where, **options):
    with pytest.raises(UserError) as raised:
        open_dataset(str(where), **options)
    return str(raised.value)


def test_no_such_data_set(tmp_path):
    gone = tmp_path / "gone"
    assert f"No data set at {str(gone)!r}: it does not exist. Give a folder" in refusal(gone)
    assert "Did you mean 'fashion-mnist'?" in refusal("fashon-mnist")
    assert "it does not exist" in refusal("x\0y")
    assert "it does not exist" in refusal("x" * 5000)
    archive = tmp_path / "a.zip"
    archive.touch()
    assert f"{str(archive)!r} is a file; a folder is needed. Unpack it" in refusal(archive)


def test_nothing_to_learn_from(tmp_path):
    assert "holds no images in class folders. Put the images of each class" in refusal(tmp_path)
    noise(8, 8).save(tmp_path / "loose.png")
    assert "holds no images in class folders" in refusal(tmp_path)
    write_folder(tmp_path, {"Cat": 5})
    assert "has one class only, 'Cat'; at least two are needed." in refusal(tmp_path)
    write_folder(tmp_path, {"Dog": 1}, start=50)
    assert "Class 'Dog' has one image only, 'Dog/000.png': a net cannot learn" in refusal(tmp_path)


def test_test_images_alone_are_nothing_to_learn_from(tmp_path):
    write_folder(tmp_path / "test", {"cat": 3, "dog": 3})
    assert "has test/, but no train/ to learn from." in refusal(tmp_path)
    write_folder(tmp_path / "valid", {"cat": 3, "dog": 3})
    assert "has val/ and test/, but no train/ to learn from." in refusal(tmp_path)


def test_images_directly_in_folders_called_test_and_val_make_them_classes(tmp_path):
    write_folder(tmp_path, {"test": 6, "val": 6})
    assert open_dataset(str(tmp_path)).classes == ("test", "val")


def test_single_training_image_where_validation_must_come_from_training(tmp_path):
    write_folder(tmp_path / "train", {"cat": 5, "dog": 1})
    write_folder(tmp_path / "val", {"cat": 2, "dog": 2}, start=50)
    assert "Class 'dog' has one image only, 'train/dog/000.png'" in refusal(tmp_path)


def test_different_classes_in_train_and_val(tmp_path):
    write_folder(tmp_path / "train", {"cat": 3, "dog": 3})
    write_folder(tmp_path / "val", {"cat": 3, "Dog": 3})
    assert (
        "train/ and val/ have different classes. Only in train/: 'dog'. Only in val/: 'Dog'."
    ) in refusal(tmp_path)


def test_class_in_val_that_was_never_learned(tmp_path):
    write_folder(tmp_path / "train", {"cat": 3, "dog": 3})
    write_folder(tmp_path / "val", {"cat": 3, "dog": 3, "eel": 3}, start=50)
    assert "Only in train/: none. Only in val/: 'eel'. Give both the same" in refusal(tmp_path)


def test_nothing_readable(tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(3):
            (tmp_path / label / f"{number}.jpg").write_text("no")
    assert "None of the 6 image files in" in refusal(tmp_path)
    assert "The first, 'a/0.jpg': no image in an allowed format" in refusal(tmp_path)
    noise(8, 8).save(tmp_path / "a" / "good.png")
    assert (
        "None of the images of class 'b' can be read; the first, 'b/0.jpg': no image"
    ) in refusal(tmp_path)


def test_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", forbidden)
    assert f"Cannot read {str(tmp_path)!r}: Permission denied." in refusal(tmp_path)


def test_file_that_vanishes_after_the_scan(tmp_path):
    root = write_folder(tmp_path, {"cat": 5, "dog": 5})
    dataset = open_dataset(str(root))
    (root / dataset.train.names[0]).unlink()
    with pytest.raises(UserError, match=r"was readable before and now is not: no such file"):
        dataset.train.image(0)
