"""Whole evaluations by nets whose answers are known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from convatlas.data import Images, Names, Unreadable
from convatlas.errors import UserError
from convatlas.evaluation._runs import Contestant, ensemble_of, numbered_for, scored_by
from tests.evaluation.scorers import Counted, K, expected, scored

CLASSES = ("ant", "bee", "cow")
N = 600


@dataclass(frozen=True)
class Nowhere:
    def picture(self, index):
        raise AssertionError(index)


def images(n=N, **changes):
    fields = {"name": "photos", "part": "all", "source": Nowhere(), "fingerprint": "f"}
    labels = np.arange(n) % K
    return Images(**{"labels": labels, "names": Names(f"{i}.png" for i in range(n)), **fields,
                     **changes})  # fmt: skip


def net(log: Path, name="net", classes=CLASSES, views=1, **options):
    return Contestant(
        name=name, fingerprint=name, classes=classes, protocol="flip", num_views=views,
        opener=Counted(log, **options),
    )  # fmt: skip


def test_every_readable_image_has_its_row_name_and_label(tmp_path):
    lost = (0, 300, 599)
    found = scored_by(
        net(tmp_path / "log", unreadable=lost),
        images(unreadable=(Unreadable("before.png", "cut"),)),
        tmp_path / "out",
        unreadable="skip",
    )
    rest = [i for i in range(N) if i not in lost]
    assert len(found) == N - 3
    assert np.array_equal(found.probabilities, expected(rest))
    assert list(found.names) == [f"{i}.png" for i in rest]
    assert found.truth.tolist() == [i % K for i in rest]
    assert found.unreadable == (
        Unreadable("before.png", "cut"), *(Unreadable(f"{i}.png", f"broken {i}") for i in lost),
    )  # fmt: skip
    assert (found.model, found.protocol, found.classes) == ("net", "flip", CLASSES)


@pytest.mark.parametrize(("views", "pieces"), [(1, 3), (10, 3), (50, 15), (150, 47), (9999, 75)])
def test_a_kill_costs_a_bounded_number_of_views(tmp_path, views, pieces):
    scored_by(net(tmp_path / "log", views=views), images(), tmp_path / "out")
    assert len(list(tmp_path.glob("out/scores-net/*.safetensors"))) == pieces


def test_unreadable_images_are_named_and_the_scores_kept(tmp_path):
    broken = net(tmp_path / "log", unreadable=(7,))
    with pytest.raises(UserError) as caught:
        scored_by(broken, images(), tmp_path / "out")
    assert "'photos' has 1 unreadable image files: '7.png': broken 7." in str(caught.value)
    assert "--unreadable skip" in str(caught.value)
    found = scored_by(broken, images(), tmp_path / "out", unreadable="skip")
    assert len(found) == N - 1
    assert len(scored(tmp_path / "log")) == N
    with pytest.raises(
        UserError, match=r"None of the 5 images of 'photos' can be read\. The first"
    ):
        scored_by(net(tmp_path / "log", unreadable=tuple(range(5))), images(5), tmp_path / "5",
                  unreadable="skip")  # fmt: skip
    with pytest.raises(UserError, match="no images to evaluate on"):
        scored_by(broken, images(0), tmp_path / "0")


def test_other_images_or_labels_are_not_taken_for_the_same(tmp_path):
    scored_by(net(tmp_path / "log"), images(), tmp_path)
    for changes, words in (
        ({"fingerprint": "g"}, "images 'f-"),
        ({"labels": np.zeros(N, np.int64)}, "images 'f-"),
        ({"name": "other"}, "data 'photos, all', now 'other, all'"),
        ({"n": N - 1}, "n 600, now 599"),
    ):
        with pytest.raises(UserError, match="holds the scores of another evaluation") as caught:
            scored_by(net(tmp_path / "log"), images(**changes), tmp_path)
        assert words in str(caught.value)
    scored_by(net(tmp_path / "log", name="second"), images(), tmp_path)


def test_an_ensemble_is_the_mean_by_the_names_of_the_classes(tmp_path):
    turned = ("cow", "ant", "bee")
    one = scored_by(net(tmp_path / "log", "one"), images(), tmp_path)
    its_own = numbered_for(images(), CLASSES, turned)
    assert [turned[i] for i in its_own.labels[:3]] == list(CLASSES)
    two = scored_by(net(tmp_path / "log", "two", turned), its_own, tmp_path)
    both = ensemble_of([one, two], tmp_path)
    rows = expected(np.arange(N))
    np.testing.assert_allclose(both.probabilities, (rows + rows[:, [1, 2, 0]]) / 2, atol=1e-7)
    assert np.array_equal(both.truth, one.truth)
    assert both.classes == CLASSES
    assert both.model == "one + two"
    assert both.protocol == "ensemble of 2: flip"
    assert isinstance(both.probabilities, np.memmap)


def test_nets_of_other_classes_make_no_ensemble(tmp_path):
    one = scored_by(net(tmp_path / "log", "one"), images(), tmp_path)
    other = net(tmp_path / "log", "two", ("ant", "bee", "dog"))
    two = scored_by(other, images(), tmp_path)
    with pytest.raises(UserError, match=r"Only the first has \['cow'\], only the second \['dog'\]"):
        ensemble_of([one, two], tmp_path)
    fewer = scored_by(net(tmp_path / "log", "three", unreadable=(3,)), images(), tmp_path,
                      unreadable="skip")  # fmt: skip
    with pytest.raises(UserError, match="'three' could read 599 images and 'one' 600"):
        ensemble_of([one, fewer], tmp_path)
    with pytest.raises(UserError, match="'cow'"):
        numbered_for(images(), CLASSES, other.classes)
