"""Folders of IDX files: MNIST and its relatives."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from convatlas.data import open_dataset
from convatlas.data._idx import read_idx
from convatlas.errors import UserError
from tests.data.layouts import idx


def images(n, seed=0, shape=(9, 7)):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def numbers(n, classes=10, first=0):
    return (np.arange(n) % classes + first).astype(np.uint8)


def write(folder, *, sizes=(60, 20), prefix="", dot="-", packed=False, first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (part, n) in enumerate(zip(("train", "t10k"), sizes, strict=False)):
        for what, axes, array in (("images", 3, images(n, seed)),
                                  ("labels", 1, numbers(n, first=first))):  # fmt: skip
            name = f"{prefix}{part}-{what}{dot}idx{axes}-ubyte"
            content = gzip.compress(idx(array)) if packed else idx(array)
            (folder / (f"{name}.gz" if packed else name)).write_bytes(content)
    return folder


def refusal(where):
    with pytest.raises(UserError) as raised:
        open_dataset(str(where))
    return str(raised.value)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("names", [{}, {"dot": "."}, {"prefix": "emnist-balanced-"}])
def test_images_labels_and_the_publisher_s_test(tmp_path, packed, names):
    dataset = open_dataset(str(write(tmp_path / "kuzushiji", packed=packed, **names)))
    assert (dataset.name, dataset.kind) == ("kuzushiji", "idx")
    assert dataset.classes == tuple("0123456789")
    assert (dataset.channels, dataset.native_side, dataset.flip) == (1, 7, False)
    assert [len(split) for split in dataset.splits] == [50, 10, 20]
    assert [name.split("/")[0] for name in dataset.test.names] == ["test"] * 20
    for split in dataset.splits:
        for i, name in enumerate(split.names):
            part, number = name.split("/")
            expected = images(20, 1) if part == "test" else images(60, 0)
            assert np.array_equal(np.asarray(split.image(i)), expected[int(number)])
            assert dataset.classes[split.labels[i]] == str(int(number) % 10)


def test_labels_that_count_from_one_keep_their_numbers(tmp_path):
    dataset = open_dataset(str(write(tmp_path, first=1)))
    assert dataset.classes == tuple(map(str, range(1, 11)))
    assert dataset.test.labels.tolist() == [i % 10 for i in range(20)]


def test_training_images_alone_are_divided(tmp_path):
    dataset = open_dataset(str(write(tmp_path, sizes=(60,))))
    assert [len(split) for split in dataset.splits] == [40, 10, 10]


def test_files_that_do_not_belong_together(tmp_path):
    write(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(numbers(59)))
    assert "holds 60 images and" in refusal(tmp_path)
    assert "59 labels: they do not belong together." in refusal(tmp_path)
    labels.unlink()
    assert "train-images-idx3-ubyte' lies there without its labels." in refusal(tmp_path)
    labels.write_bytes(idx(numbers(60)))
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    assert "t10k-labels-idx1-ubyte' lies there without its images." in refusal(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(images(20, shape=(9, 8))))
    assert "hold images of 9 x 7 and 9 x 8" in refusal(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(images(20)))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(numbers(20, first=3)))
    assert "has 3 classes in test without images to train on: '10', '11', '12'." in refusal(
        tmp_path
    )


def test_two_data_sets_in_one_folder(tmp_path):
    write(tmp_path, prefix="emnist-letters-")
    write(tmp_path, prefix="emnist-digits-")
    assert "the IDX files of 2 data sets: 'emnist-digits', 'emnist-letters'." in refusal(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_no_more_is_read_than_is_declared(tmp_path, packed):
    """A bomb of 64 MB behind the header of two images, and a header that declares 4 GiB."""
    good = idx(images(2))
    for content, words in (
        (good + bytes(64 << 20), "declares 2 x 9 x 7 bytes and holds 127"),
        (good[:4] + struct.pack(">3I", 1 << 10, 1 << 10, 1 << 12), "the limit is 2,147,483,648"),
        (good[:4] + struct.pack(">3I", 1 << 10, 1 << 10, 1 << 11), "and holds 0"),
        (good[:10], "Get the file again"),
    ):
        path = tmp_path / "x"
        path.write_bytes(gzip.compress(content, 1) if packed else content)
        del content
        tracemalloc.start()
        with pytest.raises(UserError, match=words):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
        tracemalloc.stop()


def test_fashion_mnist_s_own_files_as_a_folder():
    from pathlib import Path

    folder = Path("/usr/share/datasets/fashion-mnist")
    if not (folder / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip("the system's data set is not installed")
    labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz", 1)
    assert np.bincount(labels).tolist() == [1000] * 10
