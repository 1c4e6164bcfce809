"""The report on every image, and remembering it."""

import json
import os
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from convatlas.data import _sources, open_dataset
from convatlas.data._scan import find_copies
from tests.data.images import noise, write_folder


def test_sizes_and_modes(tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
    for number, (width, height) in enumerate([(10, 30), (20, 14), (16, 16), (90, 18)]):
        noise(width, height, 3, number).save(tmp_path / "ab"[number % 2] / f"{number}.png")
    noise(5, 6, 1).save(tmp_path / "a" / "grey.png")
    scan = open_dataset(str(tmp_path)).scan
    assert (scan.smallest_side, scan.median_side, scan.largest_side) == (5, 14, 90)
    assert scan.modes == {"RGB": 4, "L": 1}


def test_copies_by_pixels_leaks_and_conflicts(tmp_path):
    for start, split in enumerate(("train", "val", "test")):
        write_folder(tmp_path / split, {"cat": 3, "dog": 3}, start=100 * start)
    original = noise(8, 8, 3, 1)  # is train/cat/000.png
    original.save(tmp_path / "train" / "cat" / "copy.bmp")  # other bytes, same pixels
    original.save(tmp_path / "test" / "dog" / "copy.tiff")
    dataset = open_dataset(str(tmp_path))
    within = ("train/cat/copy.bmp", "train/cat/000.png")
    across = ("test/dog/copy.tiff", "train/cat/000.png")
    assert dataset.scan.duplicates == (within, across)
    assert dataset.scan.leaks == (across,)
    assert dataset.scan.conflicts == (across,)
    assert any("1 images equal one of another split" in note for note in dataset.notes)
    assert any("1 images equal one of another class" in note for note in dataset.notes)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_copies_are_those_of_a_dictionary(kinds):
    digests = np.zeros((len(kinds), 16), np.uint8)
    digests[:, [0, 15]] = kinds
    copies = find_copies(digests)
    first = {}
    expected = [first.setdefault(kind, place) for place, kind in enumerate(kinds)]
    assert copies.first.tolist() == expected
    assert copies.single.tolist() == [kinds.count(kind) == 1 for kind in kinds]


def test_same_bytes_in_another_shape_are_no_copy(tmp_path):
    write_folder(tmp_path, {"a": 3, "b": 3})
    square = noise(4, 4, 1)
    square.save(tmp_path / "a" / "x.png")
    square.save(tmp_path / "b" / "y.png")
    assert len(open_dataset(str(tmp_path)).scan.duplicates) == 1
    Image.frombytes("L", (2, 8), square.tobytes()).save(tmp_path / "b" / "y.png")
    assert open_dataset(str(tmp_path)).scan.duplicates == ()


def test_our_own_division_never_leaks(tmp_path):
    root = write_folder(tmp_path, {"a": 30, "b": 30})
    for number in range(10):
        shutil.copy(root / "a" / f"{number:03d}.png", root / "a" / f"copy{number}.png")
    for seed in range(5):
        scan = open_dataset(str(root), seed=seed).scan
        assert len(scan.duplicates) == 10
        assert scan.leaks == ()


@pytest.fixture
def decoded(monkeypatch):
    """The files that were decoded since the list was last cleared."""
    paths = []
    read = _sources.read_picture

    def noted(path):
        paths.append(os.path.basename(path))
        return read(path)

    monkeypatch.setattr(_sources, "read_picture", noted)
    return paths


def test_second_opening_decodes_what_changed(tmp_path, decoded):
    root, cache = write_folder(tmp_path / "x", {"a": 5, "b": 5}), tmp_path / "cache"
    (root / "a" / "bad.png").write_text("no")
    first = open_dataset(str(root), cache=cache)
    assert len(decoded) == 11
    decoded.clear()
    second = open_dataset(str(root), cache=cache)
    assert decoded == ["bad.png"]  # it may be readable now
    assert (second.fingerprint, second.scan) == (first.fingerprint, first.scan)
    noise(8, 8, 3, 99).save(root / "a" / "001.png")
    os.utime(root / "b" / "002.png", ns=(1, 1))
    decoded.clear()
    third = open_dataset(str(root), cache=cache)
    assert sorted(decoded) == ["001.png", "002.png", "bad.png"]
    assert third.fingerprint != first.fingerprint
    assert third.fingerprint == open_dataset(str(root)).fingerprint


def test_cache_of_another_folder_or_damaged_is_not_believed(tmp_path, decoded):
    root, cache = write_folder(tmp_path / "x", {"a": 3, "b": 3}), tmp_path / "cache"
    honest = open_dataset(str(root), cache=cache)
    lines = (cache / "scan.jsonl").read_bytes().splitlines(keepends=True)
    other = tmp_path / "y"
    shutil.copytree(root, other)
    decoded.clear()
    open_dataset(str(other), cache=cache)
    assert len(decoded) == 6
    record = json.loads(lines[1])
    strange = (
        None, [], 7, [1], "x", {"a": 1}, record[:3], [7, *record[1:]], ["gone", *record[1:]],
        [*record[:3], "wide", 8, "RGB", 0, "00"], [*record[:3], 2**40, *record[4:]],
        [*record[:7], "not hex"], [*record[:7], "00" * 15], [*record[:6], {}, 7],
    )  # fmt: skip
    for damage in (
        b"", b"{", b"[]", b"null\n", b"\xff", b"[" * 100_000, lines[0], b"".join(lines[1:]),
        b"".join([lines[0], *reversed(lines[1:])]), b"".join(lines)[:-40],
        lines[0] + b"[" * 100_000 + b"\n" + b"".join(lines[1:]),
        *(b"".join([lines[0], json.dumps(each).encode() + b"\n", *lines[2:]]) for each in strange),
    ):  # fmt: skip
        (cache / "scan.jsonl").write_bytes(damage)
        assert open_dataset(str(root), cache=cache).fingerprint == honest.fingerprint


def test_a_damaged_line_costs_one_image_and_another_order_none(tmp_path, decoded):
    root, cache = write_folder(tmp_path / "x", {"a": 4, "b": 4}), tmp_path / "cache"
    open_dataset(str(root), cache=cache)
    lines = (cache / "scan.jsonl").read_bytes().splitlines(keepends=True)
    (cache / "scan.jsonl").write_bytes(b"".join([lines[0], b"\xff\n", *lines[:1:-1]]))
    decoded.clear()
    open_dataset(str(root), cache=cache)
    assert decoded == ["000.png"]


def test_progress_counts_every_file(tmp_path):
    heard = []
    root = write_folder(tmp_path, {"a": 50, "b": 50}, side=2)
    open_dataset(str(root), progress=lambda *event: heard.append(event))
    assert heard == [("reading images", 64, 100), ("reading images", 100, 100)]
