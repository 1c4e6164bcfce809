"""Images that can no longer be read: left out and told while training, refused where scored."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from convatlas.data import UnreadableImages
from convatlas.data._pixels import Pixels
from convatlas.training import World
from convatlas.training._batches import Batches
from convatlas.training._readable import MustBeRead, readable_part
from convatlas.training._validation import Validation
from tests.training.small import PREPROCESSING, RECIPE, Breaker, Small, digest, images


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Failing(Pixels):
    """Images of which some cannot be read."""

    whole: Pixels
    broken: set[int] = field(default_factory=set)

    def batch(self, indices):
        bad = [int(i) for i in indices if int(i) in self.broken]
        if bad:
            raise UnreadableImages(bad, [self.names[i] for i in bad], ["gone"] * len(bad))
        return self.whole.batch(indices)


def failing(n, broken, **more):
    whole = images(n, **more)
    return Failing(labels=whole.labels, names=whole.names, whole=whole, broken=set(broken))


def test_the_other_images_of_a_batch_are_the_same_and_none_takes_the_place():
    whole = Batches(images(50), PREPROCESSING, RECIPE)
    expected = whole.make(0)
    names = whole.names(0)
    gone = images(50).names.index(names[5])
    found = Batches(failing(50, [gone]), PREPROCESSING, RECIPE).make(0)
    assert [one.name for one in found.lost] == [names[5]]
    kept = [i for i in range(16) if i != 5]
    assert found.images.equal(expected.images[kept])
    assert found.labels.equal(expected.labels[kept])


def test_a_run_tells_them_and_goes_on(tmp_path):
    pixels = failing(50, [])
    small = Small(train=pixels)

    def break_two(phase, done, total):
        if done == 5:
            pixels.broken.update({7, 9})

    result = small.run(tmp_path, progress=break_two)
    assert result.steps == 20
    lost = [event for event in result.events if event["kind"] == "unreadable"]
    assert {name for event in lost for name in event["images"]} == {
        pixels.names[7],
        pixels.names[9],
    }
    assert all(event["split"] == "train" for event in lost)
    # 15 steps of 16 images among 50: each is wanted about five times.
    assert 8 <= sum(len(event["images"]) for event in lost) <= 10


def test_the_user_may_refuse_them_in_training():
    batches = Batches(failing(50, [0, 1, 2]), PREPROCESSING, RECIPE, skip=False)
    wanting = next(i for i in range(4) if set(batches.names(i)) & set(images(50).names[:3]))
    with pytest.raises(
        MustBeRead, match=r"cannot be read any more: 'train/.*': gone.*--unreadable"
    ):
        batches.make(wanting)


def test_no_image_left_is_an_error_of_its_own():
    with pytest.raises(ValueError, match="None of the images of step 1 can be read"):
        Batches(failing(50, range(50)), PREPROCESSING, RECIPE).make(0)


def test_validation_refuses_unless_it_may_leave_them_out(tmp_path):
    val = failing(31, [], seed=1, name="val")

    def break_two(phase, done, total):
        val.broken.update({4, 30})

    with pytest.raises(MustBeRead, match=r"2 images .*'val/.*/004.png': gone; 'val/.*/030.png'"):
        Small(val=val).run(tmp_path / "run", progress=break_two)
    net = Small(val=None, recipe=replace(RECIPE, steps=2)).run(tmp_path / "net").net
    scores = {}
    for name, pixels in {"some": val, "all": images(31, seed=1, name="val")}.items():
        validation = Validation(pixels, PREPROCESSING, RECIPE, World(), skip=True)
        scores[name] = validation.score(net, 20, lambda: None)
    assert scores["all"].scores["images"] == 31
    assert scores["some"].scores["images"] == 29
    assert scores["some"].lost == {val.names[4]: "gone", val.names[30]: "gone"}
    assert scores["all"].lost == {}


def test_a_validation_that_counts_an_image_twice_or_not_is_noticed(tmp_path, monkeypatch):
    net = Small(val=None, recipe=replace(RECIPE, steps=2)).run(tmp_path).net
    validation = Validation(images(31), PREPROCESSING, RECIPE)
    whole = Validation._batch
    monkeypatch.setattr(Validation, "_batch", lambda self, rows: whole(self, rows[1:]))
    with pytest.raises(AssertionError, match="30 images were scored, 31 there are"):
        validation.score(net, 20, lambda: None)


def test_the_readable_part_of_a_test_set():
    part, lost = readable_part(failing(130, [0, 64, 129]))
    assert [one.reason for one in lost] == ["gone"] * 3
    whole = images(130)
    kept = np.setdiff1d(np.arange(130), [0, 64, 129])
    assert len(part) == 127
    assert np.array_equal(part.batch(np.arange(127)), whole.batch(kept))
    assert np.array_equal(part.labels, whole.labels[kept])
    assert list(part.names) == [whole.names[i] for i in kept]


def test_a_run_that_is_taken_up_again_needs_the_images_it_began_with(tmp_path):
    pixels = failing(50, [])
    small = Small(train=pixels)
    with pytest.raises(KeyboardInterrupt):
        small.run(tmp_path, progress=Breaker(7, KeyboardInterrupt))
    pixels.broken.add(3)
    with pytest.raises(UnreadableImages, match=r"'train/./003.png': gone.*restore the files"):
        small.run(tmp_path)
    pixels.broken.clear()
    assert digest(small.run(tmp_path).net) == digest(Small().run(tmp_path / "whole").net)
