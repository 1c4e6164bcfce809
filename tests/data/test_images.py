"""Images in the order of their numbers: every one once, decoded when its turn comes."""

import numpy as np
import pytest

from convatlas.data import open_dataset
from convatlas.data._decode import Undecodable
from convatlas.data._images import open_images
from convatlas.data._names import Names
from convatlas.errors import UserError
from tests.data.images import noise, write_folder

CLASSES = ("dog", "cat")  # not as folders are sorted


def test_all_of_a_folder_is_every_image_once(tmp_path):
    root = write_folder(tmp_path / "pets", {"cat": 5, "dog": 1})
    (root / "cat" / "broken.jpg").write_bytes(b"no")
    images = open_images(str(root), "all", CLASSES)
    assert list(images.names) == [
        *(f"cat/{i:03d}.png" for i in range(5)), "cat/broken.jpg", "dog/000.png",
    ]  # fmt: skip
    assert images.labels.tolist() == [1] * 6 + [0]
    assert np.array_equal(images.source.picture(4).pixels, np.asarray(noise(8, 8, 3, 5)))
    with pytest.raises(Undecodable, match="no image in an allowed format"):
        images.source.picture(5)
    assert "Every image once: 7 files" in images.notes[0]
    assert any("another order than the data ('dog' comes where the data has 'cat')" in note
               for note in images.notes)  # fmt: skip


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_parts_are_those_of_the_data_set(tmp_path, part):
    undivided = write_folder(tmp_path / "a", {"cat": 20, "dog": 20})
    three, two = tmp_path / "three", tmp_path / "two"
    for place, name in enumerate(("train", "val", "test")):
        write_folder(three / name, {"cat": 5 + place, "dog": 6}, start=100 * place)
        if name != "test":
            write_folder(two / name, {"cat": 9 + place, "dog": 8}, start=100 * place)
    for root in (undivided, three, two):
        images = open_images(str(root), part, CLASSES)
        split = getattr(open_dataset(str(root)), part)
        assert list(images.names) == list(split.names)
        assert [CLASSES[i] for i in images.labels] == [("cat", "dog")[i] for i in split.labels]
        for i in (0, len(images) - 1):
            expected = np.asarray(split.image(i))
            assert np.array_equal(images.source.picture(i).pixels, expected)


def test_parts_with_a_folder_of_their_own_are_not_looked_at(tmp_path):
    write_folder(tmp_path / "train", {"cat": 5, "dog": 5})
    write_folder(tmp_path / "val", {"cat": 1}, start=50)
    (tmp_path / "train" / "cat" / "broken.jpg").write_bytes(b"no")
    images = open_images(str(tmp_path), "test", CLASSES)
    assert list(images.names) == ["val/cat/000.png"]
    assert len(open_images(str(tmp_path), "all", CLASSES)) == 12
    assert any("1 of the model's 2 classes have no images here: 'dog'" in n for n in images.notes)


@pytest.mark.parametrize(("there", "part"), [("test", "test"), ("val", "test"), ("val", "val")])
def test_a_part_without_training_images_is_scored_whole(tmp_path, there, part):
    write_folder(tmp_path / there, {"cat": 3, "dog": 2})
    images = open_images(str(tmp_path), part, CLASSES)
    assert list(images.names) == [
        f"{there}/{name}" for name in (*(f"cat/00{i}.png" for i in range(3)), "dog/000.png",
                                       "dog/001.png")
    ]  # fmt: skip
    assert len(open_images(str(tmp_path), "all", CLASSES)) == 5


def test_all_of_the_digits(tmp_path):
    classes = tuple("9876543210")
    images = open_images("digits", "all", classes)
    dataset = open_dataset("digits")
    assert len(images) == sum(len(split) for split in dataset.splits) == 1797
    assert len(set(images.names)) == 1797
    last = len(dataset.train)
    assert classes[images.labels[last]] == dataset.classes[dataset.val.labels[0]]
    for i, (split, place) in {0: ("train", 0), last: ("val", 0), 1796: ("test", -1)}.items():
        own = getattr(dataset, split)
        expected = own.source.picture(place % len(own)).pixels
        assert np.array_equal(images.source.picture(i).pixels, expected)


def test_another_file_in_the_place_is_noticed(tmp_path):
    root = write_folder(tmp_path, {"cat": 2, "dog": 2})
    before = open_images(str(root), "all", CLASSES).fingerprint
    assert open_images(str(root), "all", CLASSES).fingerprint == before
    noise(8, 9, 3, 7).save(root / "cat" / "000.png")
    assert open_images(str(root), "all", CLASSES).fingerprint != before


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(UserError, match=r"No split named 'holdout'. Give one of: train, val, test"):
        open_images(str(tmp_path), "holdout", CLASSES)
    with pytest.raises(UserError, match="holds no images in class folders"):
        open_images(str(tmp_path), "all", CLASSES)
    with pytest.raises(UserError, match="No data set at"):
        open_images(str(tmp_path / "gone"), "all", CLASSES)
    write_folder(tmp_path, {"cat": 2, "eel": 2})
    with pytest.raises(UserError) as caught:
        open_images(str(tmp_path), "all", CLASSES)
    assert "does not know 1 of the data's 2 classes: 'eel'" in str(caught.value)
    assert "the data lacks 'dog'" in str(caught.value)


def test_names_are_kept_as_they_are():
    given = ["", "a", "\u00fc\u4e2d", "b/c.png", "odd\udcff.png", ""]
    names = Names(given)
    assert list(names) == given
    assert [names[i] for i in range(-6, 6)] == given + given
    assert names[1:4] == tuple(given[1:4])
    with pytest.raises(IndexError):
        names[6]
