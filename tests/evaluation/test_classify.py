"""Answers for a stream of files: in order, none lost, never more read than needed."""

import itertools
import os
import threading

import numpy as np
import pytest
from PIL import Image

from convatlas.data import Preprocessing, image_files
from convatlas.errors import UserError
from convatlas.evaluation import classify

GREY = Preprocessing(side=2, channels=1, mean=(0.0,), std=(1 / 255,))
CLASSES = ("dark", "grey", "light")


def by_brightness(batch: np.ndarray) -> np.ndarray:
    level = batch.mean(axis=(1, 2, 3), dtype=np.float64) / 255
    scores = np.stack([1 - level, 1 - abs(level - 0.5), level], axis=1)
    return scores / scores.sum(axis=1, keepdims=True)


def picture(path, level):
    Image.new("L", (4, 4), level).save(path)
    return str(path)


def answers(files, **options):
    return classify(by_brightness, files, classes=CLASSES, preprocessing=GREY, **options)


@pytest.mark.parametrize("threads", [1, 3])
def test_an_answer_for_each_file_in_order(tmp_path, threads):
    levels = [(i * 37) % 256 for i in range(200)]  # several batches
    files = [picture(tmp_path / f"{i}.png", level) for i, level in enumerate(levels)]
    files[70] = str(tmp_path / "missing.png")
    found = list(answers(files, top=2, threads=threads))
    assert [answer.file for answer in found] == files
    assert found[70].classes == ()
    assert found[70].error == (
        f"Cannot read image {files[70]!r}: no such file or directory. Give another file."
    )
    for answer, level in zip(found, levels, strict=True):
        if answer.error is None:
            shares = by_brightness(np.full((1, 1, 2, 2), level, np.float32))[0]
            best = np.argsort(-shares, kind="stable")[:2]
            assert [name for name, _ in answer.classes] == [CLASSES[i] for i in best]
            np.testing.assert_allclose([s for _, s in answer.classes], shares[best], rtol=1e-6)


def test_a_batch_of_nothing_readable_never_reaches_the_net(tmp_path):
    def never(batch):
        raise AssertionError("called")

    found = list(classify(never, ["a", "b"], classes=CLASSES, preprocessing=GREY))
    assert [answer.error is None for answer in found] == [False, False]


def test_an_endless_stream_is_read_as_far_as_answers_are_taken(tmp_path):
    taken = itertools.count()
    file = picture(tmp_path / "one.png", 200)
    endless = (file for _ in iter(lambda: next(taken) >= 0, False))
    before = threading.active_count()
    stream = answers(endless, threads=2)
    first = list(itertools.islice(stream, 100))
    assert len(first) == 100
    assert next(taken) <= 100 + 64 * (2 * 2 + 1)
    stream.close()
    assert threading.active_count() == before


def test_large_images_come_in_small_batches(tmp_path):
    side, sizes = 1024, []
    made = Preprocessing(side=side, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)

    def probabilities(batch):
        sizes.append(len(batch))
        return np.tile([0.2, 0.3, 0.5], (len(batch), 1))

    files = [picture(tmp_path / "one.png", 9)] * 5
    found = list(classify(probabilities, files, classes=CLASSES, preprocessing=made))
    assert [answer.classes for answer in found] == [(("light", 0.5),)] * 5
    assert sizes == [2, 2, 1]


def test_folders_are_walked_by_name_and_files_given_are_taken(tmp_path):
    for name in ("b/2.png", "b/1.PNG", "a/x.jpg", "b/c/deep.png", "b/notes.txt", ".hidden/1.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "b" / "loop").symlink_to(tmp_path / "b")
    picture(tmp_path / "b" / "no-extension.png", 1)
    os.rename(tmp_path / "b" / "no-extension.png", tmp_path / "b" / "no-extension")
    places = [str(tmp_path / "b"), str(tmp_path / "nowhere.txt"), str(tmp_path / "a")]
    found = [os.path.relpath(path, tmp_path) for path in image_files(places)]
    inside = ["b/1.PNG", "b/2.png", "b/c/deep.png", "b/no-extension"]
    assert found == [*inside, "nowhere.txt", "a/x.jpg"]
    assert list(image_files([])) == []


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match=r"Cannot read folder .*Permission denied"):
        list(image_files([str(tmp_path)]))
