"""Dividing: proportions, at least one each, nothing lost, the same whatever the order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from convatlas.data._split import Share, stratified

SHARES = [Share("test", 0.15), Share("val", 0.15)]


def divide(sizes, seed=0, copies=frozenset()):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    names = [f"{label}/{i}" for i, label in enumerate(labels)]
    single = np.array([i not in copies for i in range(len(labels))])
    return labels, names, stratified(labels, names, single, SHARES, seed=seed)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(-5, 2**70))
def test_every_image_once_and_every_class_in_proportion(sizes, seed):
    labels, _, parts = divide(sizes, seed)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(labels)))
    for label, size in enumerate(sizes):
        held = {name: int((labels[part] == label).sum()) for name, part in parts.items()}
        assert held["train"] >= 1
        if size >= 3:
            assert held["test"] == held["val"] == max(1, round(0.15 * size))
    assert all((np.diff(part) > 0).all() for part in parts.values())


@given(st.permutations(range(40)))
def test_order_of_the_images_does_not_matter(permutation):
    labels, names, parts = divide([25, 15])
    mixed = np.array(permutation)
    others = stratified(labels[mixed], [names[i] for i in mixed], np.ones(40, bool), SHARES, seed=0)
    for name, part in parts.items():
        assert {names[i] for i in part} == {names[mixed[i]] for i in others[name]}


def test_an_image_added_later_moves_few_others():
    _, names, before = divide([200])
    labels = np.zeros(201, np.int64)
    more = [*names, "0/new"]
    after = stratified(labels, more, np.ones(201, bool), SHARES, seed=0)
    stayed = {names[i] for i in before["test"]} & {more[i] for i in after["test"]}
    assert len(stayed) >= len(before["test"]) - 1


def test_copies_stay_in_training_unless_too_few_others_are_left():
    _, _, parts = divide([20], copies=frozenset(range(10)))
    assert set(range(10)) <= set(parts["train"].tolist())
    _, _, parts = divide([20], copies=frozenset(range(18)))
    assert [len(parts[name]) for name in ("train", "val", "test")] == [14, 3, 3]
