"""Two nets on the same images."""

import json
from dataclasses import replace

import numpy as np
import pytest

from convatlas.errors import UserError
from convatlas.evaluation import compare
from tests.evaluation.scores import random_scored, right_or_wrong, scored

A = right_or_wrong([True] * 6 + [False] * 4, model="a")
B = right_or_wrong([True] * 4 + [False] * 2 + [True] * 1 + [False] * 3, model="b")


def test_ten_images_by_hand():
    found = compare(A, B)
    assert (found.both_right, found.only_a, found.only_b, found.both_wrong) == (4, 2, 1, 3)
    assert (found.a.top1_error, found.b.top1_error, found.difference) == (40, 50, 10)
    assert found.p_value == 1.0  # of three coins
    assert found.better == "neither"
    assert found.agreement == 0.7
    assert [c.name for c in found.lost] == ["test/0004.jpg", "test/0005.jpg"]
    assert [(c.a, c.b) for c in found.won] == [("c1", "c0")]
    assert found.difference_interval.low < 10 < found.difference_interval.high
    (first, second) = found.per_class
    assert (first.n, first.a_error, first.b_error) == (10, 40, 50)
    assert (second.n, second.a_error, second.p_value) == (0, None, 1.0)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["better"] == "neither"


def test_a_large_difference_has_a_better_side():
    a, b = right_or_wrong([True] * 90 + [False] * 10), right_or_wrong([True] * 70 + [False] * 30)
    assert (compare(a, b).better, compare(b, a).better) == ("a", "b")
    assert compare(a, b).p_value == pytest.approx(2 * 0.5**20)
    assert compare(a, b).difference == 20
    assert compare(a, a).p_value == 1.0
    assert compare(a, a).difference_interval.low == compare(a, a).difference_interval.high == 0


def test_another_order_of_images_and_classes_changes_nothing():
    a, b = random_scored(seed=1), random_scored(seed=1, sharpness=0.5)
    b = replace(b, probabilities=np.roll(b.probabilities, 40, axis=0))
    images, classes = np.random.default_rng(0).permutation(300), np.array([3, 1, 0, 2, 6, 5, 4])
    turned = replace(
        b,
        probabilities=b.probabilities[images][:, classes],
        truth=np.argsort(classes)[b.truth[images]],
        names=[b.names[i] for i in images],
        classes=tuple(b.classes[i] for i in classes),
    )
    expected, found = compare(a, b), compare(a, turned)
    assert found.loss_difference == pytest.approx(expected.loss_difference, rel=1e-12)
    for name in ("difference", "difference_interval", "p_value", "per_class", "agreement"):
        assert getattr(found, name) == getattr(expected, name)
    assert [c.name for c in found.lost] == [c.name for c in expected.lost]
    back = compare(turned, a)
    assert back.p_value == compare(a, b).p_value
    assert back.difference == -compare(a, b).difference


def test_other_images_are_refused_by_name():
    fewer = right_or_wrong([True] * 9, model="b")
    for pair in ((A, fewer), (fewer, A)):
        with pytest.raises(
            UserError, match=r"'test/0009\.jpg' was scored by 'a' .* not by 'b' \(9\)"
        ):
            compare(*pair)
    same_name = replace(A, names=["x.jpg"] * 10)
    other = replace(B, names=["x.jpg"] * 9 + ["y.jpg"])
    with pytest.raises(UserError, match=r"'y\.jpg' was scored by 'b'"):
        compare(same_name, other)


def test_other_labels_or_classes_are_refused_by_name():
    relabelled = replace(B, truth=np.array([0] * 7 + [1] * 3))
    with pytest.raises(
        UserError, match=r"'test/0007\.jpg' is of class 'c0' for 'a' and of 'c1' for"
    ):
        compare(A, relabelled)
    with pytest.raises(UserError, match="'c1' is known to one of them only, like 1 more"):
        compare(A, replace(B, classes=("c0", "dog")))
    with pytest.raises(UserError, match="same classes"):
        compare(A, scored([[0.8, 0.1, 0.1]] * 10, [0] * 10))
