"""RandAugment and TrivialAugment: which operations, how often, how strong."""

import numpy as np
import pytest

from convatlas.data import Augmentation, augment
from convatlas.data.augmentation._policy import OPERATIONS, TRIVIAL, rand_ranges
from tests.data.images import noise

IMAGE = (np.asarray(noise(24, 24)) * 0.7 + 60).astype(np.uint8)  # with room for autocontrast
FILL = (7, 8, 9)


def changed(n, augmentation, seed=0):
    batch = np.repeat(IMAGE[None], n, axis=0)
    return augment(batch, augmentation, 24, seed=seed, epoch=0, indices=np.arange(n))


def results_of(ranges, level):
    """Bytes of each operation's result at +- that level, with the operation's name."""
    table = {}
    for name, operation in OPERATIONS.items():
        for sign in (1, -1):
            table.setdefault(operation(IMAGE, sign * level / 30, ranges, FILL).tobytes(), name)
    return table


def test_one_operation_of_fixed_magnitude_is_one_of_the_list_each_as_often():
    known = results_of(rand_ranges(24), 9)
    names = [
        known[one.tobytes()] for one in changed(2800, Augmentation(rand_augment=(1, 9), fill=FILL))
    ]
    counts = {name: names.count(name) for name in OPERATIONS}
    assert sum(counts.values()) == 2800
    assert min(counts.values()) > 140  # of 200 expected: 4 standard deviations are 55
    assert max(counts.values()) < 260


def test_signs_come_equally_often():
    augmentation = Augmentation(rand_augment=(1, 30), fill=FILL)
    positive, negative = (
        OPERATIONS["translate_x"](IMAGE, sign, rand_ranges(24), FILL).tobytes() for sign in (1, -1)
    )
    found = [one.tobytes() for one in changed(2800, augmentation)]
    assert abs(found.count(positive) - found.count(negative)) < 60
    assert found.count(positive) > 60


def test_trivial_augment_draws_every_magnitude():
    known = [results_of(TRIVIAL, level) for level in range(31)]
    everything = {result for table in known for result in table}
    levels = set()
    for one in changed(1500, Augmentation(trivial_augment=True, fill=FILL)):
        assert one.tobytes() in everything
        for level, table in enumerate(known):
            if table.get(one.tobytes()) == "rotate":
                levels.add(level)
    assert len(levels) > 25


def test_two_operations_are_one_after_another():
    """The results of two are what two of the list give in some order."""
    ranges = rand_ranges(24)
    twice = set()
    signed = [(op, sign * 0.3) for op in OPERATIONS.values() for sign in (1, -1)]
    for first, a in signed:
        once = first(IMAGE, a, ranges, FILL)
        twice.update(second(once, b, ranges, FILL).tobytes() for second, b in signed)
    found = [one.tobytes() for one in changed(150, Augmentation(rand_augment=(2, 9), fill=FILL))]
    assert twice.issuperset(found)
    alone = {operation(IMAGE, share, ranges, FILL).tobytes() for operation, share in signed}
    assert sum(one in alone for one in found) < 60  # identity and a few pairs: 30 expected


def test_magnitude_zero_changes_little():
    """Only autocontrast, equalize and solarize (of white alone) have no identity."""
    ranges = rand_ranges(24)
    for name in set(OPERATIONS) - {"autocontrast", "equalize", "solarize"}:
        assert np.array_equal(OPERATIONS[name](IMAGE, 0.0, ranges, FILL), IMAGE), name


@pytest.mark.parametrize("augmentation", [Augmentation(rand_augment=(3, 12.5)),
                                          Augmentation(trivial_augment=True)])  # fmt: skip
def test_grey_images(augmentation):
    batch = np.repeat(IMAGE[None, :, :, :1], 100, axis=0)
    ours = augment(batch, augmentation, 24, seed=0, epoch=0, indices=np.arange(100))
    assert ours.shape == batch.shape
    assert len({one.tobytes() for one in ours}) > 20


def test_cutout_fills_one_square_that_may_reach_over_the_border():
    batch = np.zeros((2000, 16, 16, 3), np.uint8)
    ours = augment(
        batch,
        Augmentation(cutout=0.5, fill=(1, 2, 3)),
        16,
        seed=0,
        epoch=0,
        indices=np.arange(2000),
    )
    tops = set()
    for one in ours:
        rows, columns = (np.flatnonzero(one[..., 0].any(axis)) for axis in (1, 0))
        assert (one[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == (1, 2, 3)).all()
        assert one.any(2).sum() == len(rows) * len(columns)
        assert 4 <= len(rows) <= 8
        tops.add((rows[0], len(rows)))
    whole = {(top, 8) for top in range(9)}  # middles 4 to 12
    assert tops == whole | {(0, 4), (0, 5), (0, 6), (0, 7), (9, 7), (10, 6), (11, 5)}
    nothing = augment(
        batch, Augmentation(cutout=0.01), 16, seed=0, epoch=0, indices=np.arange(2000)
    )
    assert not nothing.any()  # less than half a pixel
