"""Lists of paths and labels."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convatlas.data import open_dataset
from convatlas.errors import UserError
from tests.data.images import noise, write_folder

KINDS = ("cat", "dog")


@pytest.fixture
def photos(tmp_path):
    return write_folder(tmp_path / "photos", {"a": 20, "b, c": 20})


def rows(split=""):
    """Twenty images of each class, alternating."""
    folders = tuple(zip(("a", "b, c"), KINDS, strict=True))
    pairs = [(f"photos/{f}/{i:03d}.png", kind) for i in range(20) for f, kind in folders]
    return [(path, kind, split) if split else (path, kind) for path, kind in pairs]


def write(path, content, header=("path", "label"), delimiter=","):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows([header, *content])
    path.write_text(file.getvalue(), encoding="utf-8")
    return path


def refusal(path, **options):
    with pytest.raises(UserError) as raised:
        open_dataset(str(path), **options)
    return str(raised.value)


@pytest.mark.parametrize(("name", "delimiter"), [("x.csv", ","), ("x.tsv", "\t"), ("x.csv", "\t")])
def test_paths_and_labels(tmp_path, photos, name, delimiter):
    dataset = open_dataset(str(write(tmp_path / name, rows(), delimiter=delimiter)))
    assert (dataset.name, dataset.kind, dataset.classes) == ("x", "list", KINDS)
    assert [len(split) for split in dataset.splits] == [28, 6, 6]
    for split in dataset.splits:
        for i, path in enumerate(split.names):
            _, folder, file = path.split("/")
            assert dataset.classes[split.labels[i]] == {"a": "cat", "b, c": "dog"}[folder]
            seed = {"a": 1, "b, c": 21}[folder] + int(file[:3])
            assert np.array_equal(np.asarray(split.image(i)), np.asarray(noise(8, 8, 3, seed)))


def test_the_list_divides(tmp_path, photos):
    content = [
        (*row, ("train", "train", "val", "test")[i // 2 % 4]) for i, row in enumerate(rows())
    ]
    path = write(tmp_path / "x.csv", content, ("path", "label", "split"))
    dataset = open_dataset(str(path))
    assert [len(split) for split in dataset.splits] == [20, 10, 10]
    assert all(int(name[-7:-4]) % 4 == 3 for name in dataset.test.names)
    no_val = [row for row in content if row[2] != "val"]
    write(path, [(a, b, "Training" if s == "train" else s) for a, b, s in no_val],
          ("Path", " label", "SPLIT"))  # fmt: skip
    assert [len(split) for split in open_dataset(str(path)).splits] == [16, 4, 10]
    write(path, rows("train"), ("path", "label", "split"))
    assert [len(split) for split in open_dataset(str(path)).splits] == [28, 6, 6]


def test_the_same_division_as_of_the_folder(tmp_path, photos):
    listed = [(f"{folder}/{i:03d}.png", folder) for folder in ("a", "b, c") for i in range(20)]
    dataset = open_dataset(str(write(photos / "x.csv", listed)))
    assert [split.names for split in dataset.splits] == [
        split.names for split in open_dataset(str(photos)).splits
    ]


def test_whole_paths_marks_of_order_and_other_line_ends(tmp_path, photos):
    content = "path,label\r\n" + "".join(f"{tmp_path}/{a},{b}\r\n\r\n" for a, b in rows()[::2])
    content += "".join(f'"{tmp_path}/{a}",{b}\r\n' for a, b in rows()[1::2])
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbf" + content.encode())
    assert sum(map(len, open_dataset(str(tmp_path / "x.csv")).splits)) == 40


def test_classes_beside_the_list(tmp_path, photos):
    path = write(tmp_path / "x.csv", [(a, KINDS.index(b)) for a, b in rows()])
    assert open_dataset(str(path)).classes == ("0", "1")
    (tmp_path / "classes.txt").write_text("wolf\nsheep\n")
    dataset = open_dataset(str(path))
    assert dataset.classes == ("wolf", "sheep")
    assert dataset.test.labels[list(dataset.test.names).index(dataset.test.names[0])] == (
        0 if "/a/" in dataset.test.names[0] else 1
    )
    (tmp_path / "classes.txt").write_text("wolf\n")
    assert "x.csv', line 3, has the label '1', which 'classes.txt' beside it does not list" in (
        refusal(path)
    )
    write(path, rows())
    assert "line 2, has the label 'cat', which 'classes.txt'" in refusal(path)
    (tmp_path / "classes.txt").write_text("dog\neel\ncat\n")
    dataset = open_dataset(str(path))
    assert dataset.classes == ("dog", "eel", "cat")
    assert "1 classes have no images to train on: 'eel'." in dataset.notes


def test_numbers_as_labels_are_in_their_order(tmp_path, photos):
    labels = {"cat": 10, "dog": 9}
    path = write(tmp_path / "x.csv", [(a, labels[b]) for a, b in rows()])
    assert open_dataset(str(path)).classes == ("9", "10")


def test_files_that_are_not_there_are_named(tmp_path, photos):
    path = write(tmp_path / "x.csv", [*rows(), ("photos/a/gone.png", "cat")])
    scan = open_dataset(str(path)).scan
    assert [(file.name, file.reason) for file in scan.unreadable] == [
        ("photos/a/gone.png", "no such file or directory")
    ]
    assert "'photos/a/gone.png': no such file or directory" in refusal(path, unreadable="refuse")
    write(path, [("gone/1.png", "a"), ("gone/2.png", "b")])
    assert "None of the 2 image files in" in refusal(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "starts with ''; its first line must be 'path,label' or 'path,label,split'"),
        ("a.png,cat\nb.png,dog\n", "starts with 'a.png,cat'; its first line must be"),
        ("label,path\n", "starts with 'label,path'"),
        ("path,label,split,more\n", "starts with 'path,label,split,more'"),
        ('path,"label\n', "line 1: unexpected end of data"),
        ("path,label\n", "lists no images below its header"),
        ("path,label\na.png\n", "line 2 has 1 fields, not 2: 'a.png'."),
        ("path,label\n\na,b.png,cat\n", "line 3 has 3 fields, not 2: 'a'. Put names that hold"),
        ("path,label\n,cat\n", "line 2 names no file."),
        ("path,label\na.png, \n", "line 2 gives 'a.png' no label."),
        ("path,label\na.png," + "x" * 2000, "a label of 2,000 characters"),
        ("path,label,split\na.png,cat,tset\n", "gives the split 'tset'. Write one of: train, val"),
        ("path,label\na.png,cat\nx/../a.png,dog\n", "lists 'x/../a.png' in line 3 and in line 2."),
        ('path,label\n"a.png,cat\n', "line 2: unexpected end of data"),
        ('path,label\n"a"b.png,cat\n', "line 2: ',' expected after '\"'"),
        ("path,label\na\0.png,cat\n", "line 2: it holds a NUL character"),
        ("path,label\n" + "a" * 200_000 + ",cat\n", "field larger than field limit"),
        ("path,label\na.png,cat\nb.png,cat\n", "has one class only, 'cat'"),
        ("path,label,split\na.png,cat,train\nb.png,dog,\n",
         "which split they belong to, and of others not: 'b.png', for one"),
        ("path,label,split\na.png,cat,val\nb.png,dog,test\n",
         "has images for val and test, but none to train on"),
        ("path,label,split\na.png,cat,train\nb.png,dog,test\n",
         "has 1 classes in test without images to train on: 'dog'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path, content, words):
    path = tmp_path / "x.csv"
    path.write_text(content)
    told = refusal(path)
    assert words in told
    assert repr(str(path)) in told


def test_what_is_no_text(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("path,label\ncaf\xe9.png,cat\n".encode("latin-1"))
    assert "is no text in UTF-8 (byte 0xe9). Save it so." in refusal(path)
    path.write_bytes("path,label\na.png,cat\n".encode("utf-16"))
    assert "is no text in UTF-8" in refusal(path)
    path.unlink()
    path.mkdir()
    assert "holds no images in class folders" in refusal(path)  # a folder may be called so


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="path,label\t\n\"'\r\0.x/ \xe9", max_size=80), st.booleans())
def test_any_text_is_refused_or_read(tmp_path_factory, text, with_header):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_text(("path,label\n" if with_header else "") + text, encoding="utf-8")
    with pytest.raises(UserError):  # no such image is there
        open_dataset(str(path))
