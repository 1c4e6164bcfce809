"""Tar shards as a data set to train on."""

import pickle

import numpy as np
import pytest

from convatlas.data import open_dataset, open_images
from convatlas.errors import UserError
from tests.data.images import noise
from tests.data.layouts import CIFAR10, write_cifar10
from tests.data.shards import member, png, samples, write_shard

ANIMALS = ("ant", "bee", "cow")


def refusal(where):
    with pytest.raises(UserError) as raised:
        open_dataset(str(where))
    return str(raised.value)


def labels(n):
    return [ANIMALS[i % 3] for i in range(n)]


def test_one_shard_is_divided_by_us(tmp_path):
    path = write_shard(tmp_path / "pets.tar", samples(labels(60)))
    dataset = open_dataset(str(path))
    assert (dataset.name, dataset.kind, dataset.classes) == ("pets", "shards", ANIMALS)
    assert [len(split) for split in dataset.splits] == [42, 9, 9]
    for split in dataset.splits:
        copy = pickle.loads(pickle.dumps(split))
        for i, name in enumerate(copy.names):
            number = int(name.removeprefix("pets.tar/").removesuffix(".png"))
            assert split.labels[i] == number % 3
            assert np.array_equal(np.asarray(copy.image(i)), np.asarray(noise(8, 8, 3, number)))


def test_numbered_shards_are_one_set_however_they_are_called(tmp_path):
    for number in range(3):
        content = samples(labels(20), 20 * number)
        write_shard(tmp_path / f"train-{number:03d}.tar", content)
    for where in (tmp_path / "train-{000..002}.tar", tmp_path):
        dataset = open_dataset(str(where))
        assert [len(split) for split in dataset.splits] == [42, 9, 9]
        assert "60 images in 3 tar shards." in dataset.notes
    fewer = open_dataset(str(tmp_path / "train-{000..001}.tar"))
    assert [len(split) for split in fewer.splits] == [28, 6, 6]


@pytest.mark.parametrize(
    "names",
    [
        ("train-{}.tar", "val-{}.tar", "test-{}.tar"),
        ("animals_training_{}.tar", "animals_valid_{}.tar", "animals_testing_{}.tar"),
        ("{}.train.tar", "{}.dev.tar", "{}.test.tar"),
        ("train/{}.tar", "val/{}.tar", "test/{}.tar"),
    ],
)
def test_names_and_folders_of_shards_divide(tmp_path, names):
    for part, name in enumerate(names):
        for number in range(2):
            content = samples(labels(9), 100 * part + 10 * number)
            write_shard(tmp_path / name.format(number), content)
    dataset = open_dataset(str(tmp_path))
    assert [len(split) for split in dataset.splits] == [18, 18, 18]
    for part, split in enumerate(dataset.splits):
        assert {int(name.split("/")[-1][:6]) // 100 for name in split.names} == {part}
        assert str(tmp_path) not in split.names[0]  # names and divisions move with the folder


def test_validation_is_taken_from_training_where_none_is_given(tmp_path):
    write_shard(tmp_path / "train-0.tar", samples(labels(60)))
    write_shard(tmp_path / "test-0.tar", samples(labels(9), 100))
    dataset = open_dataset(str(tmp_path))
    assert [len(split) for split in dataset.splits] == [51, 9, 9]
    assert any("test/ (9 images) is the final test" in note for note in dataset.notes)


def test_copies_in_other_shards_are_leaks(tmp_path):
    write_shard(tmp_path / "train-0.tar", samples(labels(30)))
    write_shard(tmp_path / "test-0.tar", samples(labels(6), 3))
    scan = open_dataset(str(tmp_path)).scan
    assert len(scan.leaks) == 6
    assert scan.leaks[0] == ("test-0.tar/000003.png", "train-0.tar/000003.png")
    assert scan.conflicts == ()


def test_numbers_as_labels(tmp_path):
    path = write_shard(tmp_path / "a.tar", samples([10, 9, 2] * 10))
    dataset = open_dataset(str(path))
    assert dataset.classes == ("2", "9", "10")
    assert any("'classes.txt' beside the shards names them" in note for note in dataset.notes)
    images = open_images(str(path), None, dataset.classes)  # what a net trained on it is scored by
    assert images.labels.tolist() == [2, 1, 0] * 10
    (tmp_path / "classes.txt").write_text("\n".join(f"kind{i}" for i in range(11)))
    dataset = open_dataset(str(path))
    assert dataset.classes == tuple(f"kind{i}" for i in range(11))
    assert set(dataset.train.labels.tolist()) == {2, 9, 10}
    assert any("8 classes have no images to train on: 'kind0'" in note for note in dataset.notes)
    (tmp_path / "classes.txt").write_text("one\ntwo\n")
    assert "Image 'a.tar/000000.png' has label '10', but classes.txt lists 2 classes" in (
        refusal(path)
    )


def test_images_in_shards_that_cannot_be_read_are_left_out(tmp_path):
    content = [
        *samples(labels(30)),
        member("cut.png", png(1)[:40]), member("cut.cls", b"ant"),
        member("../out.png", png(2)), member("../out.cls", b"ant"),
    ]  # fmt: skip
    scan = open_dataset(str(write_shard(tmp_path / "a.tar", content))).scan
    assert sum(sum(counts.values()) for counts in scan.counts.values()) == 30
    assert [file.name for file in scan.unreadable] == ["a.tar/cut.png", "a.tar/../out.png"]
    assert scan.unreadable[1].reason == "its name leads out of the archive's folder"


def test_a_second_opening_decodes_what_changed(tmp_path):
    heard = []
    path = write_shard(tmp_path / "a.tar", samples(labels(30)))
    cache = tmp_path / "cache"
    first = open_dataset(str(path), cache=cache)
    second = open_dataset(str(path), cache=cache, progress=lambda *event: heard.append(event))
    assert [event for event in heard if event[0] == "reading images"] == []
    assert second.fingerprint == first.fingerprint
    write_shard(path, samples(labels(33)))
    third = open_dataset(str(path), cache=cache)
    assert third.fingerprint == open_dataset(str(path)).fingerprint != first.fingerprint


def test_what_cannot_be_divided(tmp_path):
    write_shard(tmp_path / "train-0.tar", samples(labels(9)))
    write_shard(tmp_path / "more-0.tar", samples(labels(9), 50))
    assert "holds 'more-0.tar', whose name says no split, beside shards" in refusal(tmp_path)
    (tmp_path / "more-0.tar").unlink()
    (tmp_path / "train-0.tar").rename(tmp_path / "test-0.tar")
    assert "has images for test, but none to train on." in refusal(tmp_path)
    write_shard(tmp_path / "val-0.tar", samples(labels(9), 50))
    assert "has images for val and test, but none to train on." in refusal(tmp_path)
    assert "one class only, 'ant'" in refusal(write_shard(tmp_path / "x" / "a.tar",
                                                          samples(["ant"] * 4)))  # fmt: skip


def test_a_split_that_has_shards_of_its_own_is_scored_without_looking(tmp_path):
    for start, split in enumerate(("train", "val", "test")):
        write_shard(tmp_path / f"{split}-0.tar", samples(labels(30 + start), 100 * start))
    for part, count in ((None, 32), ("test", 32), ("val", 31), ("train", 30), ("all", 93)):
        images = open_images(str(tmp_path), part, ANIMALS)
        assert (len(images), images.part) == (count, part or "test")
    (tmp_path / "val-0.tar").unlink()
    dataset = open_dataset(str(tmp_path))
    for part in ("train", "val", "test"):
        images = open_images(str(tmp_path), part, ANIMALS)
        assert list(images.names) == list(getattr(dataset, part).names)


@pytest.mark.parametrize("form", ["binary", "python"])
def test_every_image_of_other_formats_is_scored_once(tmp_path, form):
    write_cifar10(tmp_path, form)
    images = open_images(str(tmp_path), "all", CIFAR10)
    assert len(images) == len(set(images.names)) == 60
    assert len(open_images(str(tmp_path), None, CIFAR10)) == 10
