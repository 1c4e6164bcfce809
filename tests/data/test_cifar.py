"""CIFAR in its four published forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convatlas.data import open_dataset
from convatlas.errors import UserError
from tests.data.layouts import (
    CIFAR10,
    CIFAR100,
    binary10,
    pickled,
    pixels,
    write_cifar10,
    write_cifar100,
)


def refusal(where):
    with pytest.raises(UserError) as raised:
        open_dataset(str(where))
    return str(raised.value)


@pytest.mark.parametrize("form", ["binary", "python"])
def test_cifar_10(tmp_path, form):
    rows = write_cifar10(tmp_path / "c", form, sizes=(30, 40))
    dataset = open_dataset(str(tmp_path / "c"))
    assert (dataset.kind, dataset.classes, dataset.channels) == ("cifar", tuple(CIFAR10), 3)
    assert (dataset.native_side, dataset.flip) == (32, True)
    assert [len(split) for split in dataset.splits] == [60, 10, 10]
    assert "2 of the publisher's 5 training batches are there." in dataset.notes
    training = np.concatenate([rows["data_batch_1"], rows["data_batch_2"]])
    labels = [i % 10 for i in range(30)] + [i % 10 for i in range(40)]
    for split in dataset.splits:
        for i, name in enumerate(split.names):
            part, number = name.split("/")
            row = (rows["test_batch"] if part == "test" else training)[int(number)]
            image = np.asarray(split.image(i))
            assert image.shape == (32, 32, 3)
            assert image[3, 7].tolist() == [row[3 * 32 + 7], row[1024 + 103], row[2048 + 103]]
            assert np.array_equal(image.transpose(2, 0, 1).ravel(), row)
            expected = int(number) % 10 if part == "test" else labels[int(number)]
            assert split.labels[i] == expected


@pytest.mark.parametrize("form", ["binary", "python"])
def test_cifar_100_by_its_fine_classes(tmp_path, form):
    rows = write_cifar100(tmp_path / "c", form)
    dataset = open_dataset(str(tmp_path / "c"))
    assert dataset.classes == tuple(CIFAR100)
    assert [len(split) for split in dataset.splits] == [200, 100, 100]
    assert np.array_equal(np.asarray(dataset.test.image(42)).transpose(2, 0, 1).ravel(),
                          rows["test"][42])  # fmt: skip
    assert dataset.test.labels[42] == 42
    assert any("the 20 coarse ones are not used" in note for note in dataset.notes)


def test_both_forms_are_the_same_data_set(tmp_path):
    for form in ("binary", "python"):
        write_cifar10(tmp_path / form / "cifar", form)
    a, b = (open_dataset(str(tmp_path / form / "cifar")) for form in ("binary", "python"))
    assert a.fingerprint == b.fingerprint
    assert a.val.names == b.val.names


def test_without_the_publisher_s_test(tmp_path):
    write_cifar10(tmp_path, "binary")
    (tmp_path / "test_batch.bin").unlink()
    dataset = open_dataset(str(tmp_path))
    assert [len(split) for split in dataset.splits] == [30, 10, 10]  # 15 % of 5 images: one each
    assert "'test_batch.bin', the publisher's test images, is not there." in dataset.notes


def test_what_is_missing_or_wrong(tmp_path):
    write_cifar10(tmp_path, "binary", sizes=(10, 10, 10, 10))
    (tmp_path / "data_batch_2.bin").rename(tmp_path / "kept")
    assert f"{str(tmp_path)!r} lacks data_batch_2. Unpack the archive again." in refusal(tmp_path)
    (tmp_path / "kept").rename(tmp_path / "data_batch_2.bin")
    (tmp_path / "data_batch_3.bin").write_bytes(binary10(pixels(3), [0, 1, 2])[:-1])
    assert "holds 9,218 bytes, which is not a number of records of 3,073" in refusal(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(b"")
    assert "holds 0 bytes" in refusal(tmp_path) or "empty" in refusal(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(binary10(pixels(3), [0, 10, 2]))
    assert "image 1 has label 10, but there are 10 classes, counted from 0" in refusal(tmp_path)
    (tmp_path / "batches.meta.txt").write_text("cat\ndog\n")
    assert "batches.meta.txt' holds 2 names; CIFAR-10 has 10 different ones" in refusal(tmp_path)
    (tmp_path / "batches.meta.txt").unlink()
    assert "batches.meta.txt': no such file or directory. Get the file again." in refusal(tmp_path)


def test_pickles_with_something_else_in_them(tmp_path):
    write_cifar10(tmp_path, "python")
    batch = tmp_path / "data_batch_1"
    rows = pixels(3)
    for content, words in (
        ({"labels": [0, 1, 2]}, "does not hold 'data', n x 3,072 bytes, and 'labels'"),
        ({"labels": [0, 1, 2], "data": "x"}, "does not hold 'data'"),
        ({"labels": "abc", "data": rows}, "does not hold 'data'"),
        ({"labels": [0, "b", 2], "data": rows}, "does not hold 'data'"),
        ({"labels": [0, -1, 2], "data": rows}, "does not hold 'data'"),
        ({"labels": [0, 1, 2], "data": rows[:, :48]}, "does not hold 'data'"),
        ({"labels": [0, 1], "data": rows}, "holds 3 images and 2 labels"),
        ({"labels": [0, 1, 77], "data": rows}, "image 2 has label 77"),
    ):
        batch.write_bytes(pickled(content))
        assert words in refusal(tmp_path)
    batch.write_bytes(b"\x80\x04cposix\nsystem\nU\x02ls\x85R.")
    assert "asks for 'posix.system', which is not made" in refusal(tmp_path)
    (tmp_path / "batches.meta").write_bytes(pickled({"label_names": ["a"] * 10}))
    assert "holds 10 names; CIFAR-10 has 10 different ones" in refusal(tmp_path)
    (tmp_path / "batches.meta").write_bytes(pickled({}))
    assert "holds no list of names" in refusal(tmp_path)


def test_a_class_folder_called_train_is_no_cifar(tmp_path):
    from tests.data.images import write_folder

    write_folder(tmp_path / "train", {"a": 5, "b": 5})
    (tmp_path / "meta").write_text("by hand")
    assert open_dataset(str(tmp_path)).kind == "folder"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_or_read_but_nothing_else_happens(tmp_path_factory, data):
    form = data.draw(st.sampled_from(["binary", "python"]))
    folder = tmp_path_factory.getbasetemp() / f"fuzz-{form}"
    write_cifar10(folder, form, sizes=(20,))
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, min(len(content) - 1, 300)))] = data.draw(
            st.integers(0, 255)
        )
    path.write_bytes(bytes(content[: data.draw(st.sampled_from([len(content), 0, 10, 3073]))]))
    try:
        dataset = open_dataset(str(folder))
    except UserError:
        return
    assert len(dataset.classes) == 10
