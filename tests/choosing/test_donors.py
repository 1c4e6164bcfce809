"""Candidates that start from a person's bundles."""

from dataclasses import replace

import pytest
import torch

from convatlas.bundle import load
from convatlas.choosing import choose
from convatlas.choosing._candidates import Candidate
from convatlas.choosing._donors import donors_in
from convatlas.choosing._order import leave_untimed, to_try
from convatlas.data import Preprocessing
from convatlas.errors import UserError
from convatlas.models import spec_of
from tests.choosing.made import candidate
from tests.choosing.pictures import HUES, paint
from tests.choosing.test_choose import ask, quiet
from tests.training.transfer.made import write_bundle

MEAN, STD = (0.1, 0.2, 0.3), (0.2, 0.3, 0.4)
NET, WIDTH = "resnet8_small", 0.5


@pytest.fixture
def folder(tmp_path):
    write_bundle(
        tmp_path / "bundles" / "one.bundle",
        NET, classes="abcd", side=12, mean=MEAN, std=STD, width_multiplier=WIDTH,
    )  # fmt: skip
    return tmp_path / "bundles"


def listed(name, *, width=WIDTH, side=12, channels=3):
    spec = spec_of(
        name, width_multiplier=width, input_side=side, in_channels=channels, num_classes=3
    )
    return candidate(f"{name} x{width:g} @{side}", variant=name, spec=spec)


def test_candidates_of_the_same_net_and_width_start_from_it_at_any_side(folder):
    donors = donors_in(str(folder), "xyz", seed=1)
    found = [listed(NET), listed(NET, side=16), listed(NET, width=0.25), listed("resnet14_small")]
    said = []
    donors.assign(found, said.append)
    sha256 = load(folder / "one.bundle").info.weights_sha256
    assert [c.start for c in found] == [{"bundle": "one.bundle", "sha256": sha256}] * 2 + [None] * 2
    assert said == []
    tensors = donors.tensors(found[1])
    theirs = load(folder / "one.bundle").net.state_dict()
    assert torch.equal(tensors["stem.conv.weight"], theirs["stem.conv.weight"])
    assert tensors["classifier.weight"].shape[0] == 3
    assert donors.tensors(found[2]) is None
    assert donors.history(found[0])[-1]["sha256"] == sha256
    assert Candidate.from_dict(found[0].as_dict()) == found[0]


def test_images_are_normalised_as_its_own_were(folder):
    donors = donors_in(str(folder), "xyz", seed=1)
    found = [listed(NET), listed(NET, width=0.25)]
    donors.assign(found, quiet)
    own = Preprocessing(side=12, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert donors.preprocessing(found[0], own) == replace(own, mean=MEAN, std=STD)
    assert donors.preprocessing(found[1], own) == own


def test_a_bundle_that_nothing_starts_from_is_said(folder):
    said = []
    donors_in(str(folder), "xyz", seed=1).assign([listed("resnet14_small")], said.append)
    assert said == [f"nothing starts from one.bundle: no candidate is {NET} x0.5"]


def test_a_bundle_that_changed_since_is_refused(folder):
    found = listed(NET)
    donors = donors_in(str(folder), "xyz", seed=1)
    donors.assign([found], quiet)
    write_bundle(
        folder / "one.bundle", NET, classes="abcd", side=12, width_multiplier=WIDTH, seed=9
    )
    with pytest.raises(UserError, match="is another net than when the search began"):
        donors_in(str(folder), "xyz", seed=1).tensors(found)


def test_a_folder_must_hold_one_bundle_of_a_net(folder, tmp_path):
    write_bundle(folder / "two.bundle", NET, side=8, width_multiplier=WIDTH)
    with pytest.raises(UserError, match=f"are both {NET} x0.5. Keep one"):
        donors_in(str(folder), "xyz", seed=1)
    with pytest.raises(UserError, match=r"holds no bundle. Give a folder with directories"):
        donors_in(str(tmp_path), "xyz", seed=1)


def test_a_search_is_named_by_what_it_starts_from(folder, tmp_path):
    request = ask(tmp_path, tmp_path, from_dir=str(folder))
    one = donors_in(str(folder), "xyz", seed=1).digests
    assert list(one) == [f"{NET} x0.5"]
    moved = replace(request, from_dir="elsewhere")
    assert request.study_name("i", one) == moved.study_name("i", one)
    assert request.study_name("i", one) != request.study_name("i", {f"{NET} x0.5": "0" * 64})
    assert replace(request, from_dir=None).study_name("i", {}) != request.study_name("i", one)
    request.claim()
    with pytest.raises(UserError, match=r"from_dir was .*bundles', is None"):
        replace(request, from_dir=None).check_place()


def test_those_with_a_start_are_tried_first():
    dear, cheap = candidate("dear", mult_adds=9000), candidate("cheap", mult_adds=10)
    cheap.start = {"bundle": "x", "sha256": ""}
    ordered = to_try([dear, cheap], seconds=1e9, batch_size=1, cores=1)
    assert [c.id for c in ordered] == ["cheap", "dear"]
    others = [candidate(f"n{i}") for i in range(20)]
    leave_untimed([*others, cheap], most=1)
    assert cheap.state == "listed"
    assert {c.state for c in others} == {"not tried"}


def stopped_in_the_first_round(phase, done, total):
    if phase.startswith("round 1") and done == 1:
        raise KeyboardInterrupt


@pytest.mark.slow
def test_a_search_starts_from_the_bundles_and_says_so(tmp_path):
    pictures = paint(tmp_path / "pictures")
    folder = tmp_path / "bundles"
    path = write_bundle(
        folder / "hues.bundle", NET, classes=tuple(HUES), side=12, mean=MEAN, std=STD,
        width_multiplier=0.25,
    )  # fmt: skip
    request = ask(pictures, tmp_path / "out", from_dir=str(folder), minutes=0.15)
    with pytest.raises(KeyboardInterrupt):
        choose(request, progress=stopped_in_the_first_round, say=quiet)
    choice = choose(request, progress=quiet, say=quiet)
    started = [c for c in choice.result["candidates"] if c["start"]]
    assert {(c["variant"], c["width_multiplier"]) for c in started} == {(NET, 0.25)}
    assert any(c["scores"] for c in started)
    winner = next(c for c in choice.result["candidates"] if c["id"] == choice.result["winner"])
    info = load(tmp_path / "out" / f"{winner['variant']}.bundle").info
    sha256 = load(path).info.weights_sha256
    assert choice.result["training"]["start"] == winner["start"]
    if winner["start"]:
        assert info.history[-1]["sha256"] == sha256
        assert info.recipe["name"] == "fine-tune"
        assert info.preprocessing["mean"] == list(MEAN)
    else:
        assert info.history == []
        assert info.recipe["name"] == "small-data"
