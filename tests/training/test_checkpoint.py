"""Damaged checkpoints are noticed, and the one before is used."""

import json
import os
import shutil

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convatlas.errors import UserError
from convatlas.training import _clock
from convatlas.training._checkpoint import (
    DAMAGED,
    NEWEST,
    PREVIOUS,
    Position,
    load_checkpoint,
    save_checkpoint,
)
from tests.training.small import Breaker, Small, digest

POSITION = Position(
    step=7,
    digest="abc",
    processes=1,
    micro_batches=1,
    rollbacks=0,
    skipped=0,
    threads=1,
    log_offset=12,
    loss_sum=0.1 + 0.2,
    loss_count=3,
    seconds=1.5,
)
TENSORS = {
    "net/weight": torch.arange(24.0).reshape(2, 3, 2, 2).to(memory_format=torch.channels_last),
    "net/count": torch.tensor(5),
    "net/empty": torch.empty(0, 3),
    "optimizer/weight/momentum_buffer": torch.full((2, 3, 2, 2), -0.5),
}


def test_round_trip(tmp_path):
    save_checkpoint(tmp_path, POSITION, TENSORS)
    position, tensors, notes = load_checkpoint(tmp_path)
    assert position == POSITION
    assert notes == ()
    assert set(tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


def test_none_if_there_is_none(tmp_path):
    assert load_checkpoint(tmp_path) is None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    save_checkpoint(folder, POSITION, TENSORS)
    return (folder / NEWEST).read_bytes()


def test_every_flipped_bit_is_noticed(whole, tmp_path):
    """Of the header and of the tensors; a byte of padding may be anything that parses the same."""
    for place in range(len(whole)):
        for bit in (0, 6):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            (tmp_path / NEWEST).write_bytes(damaged)
            try:
                position, tensors, _ = load_checkpoint(tmp_path)
            except UserError:
                continue
            assert position == POSITION
            assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_every_truncation_is_noticed(whole, tmp_path):
    for length in range(len(whole)):
        (tmp_path / NEWEST).write_bytes(whole[:length])
        with pytest.raises(UserError, match="damaged"):
            load_checkpoint(tmp_path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(content, tmp_path):
    (tmp_path / NEWEST).write_bytes(content)
    with pytest.raises(UserError, match="remove the folder to train from the start"):
        load_checkpoint(tmp_path)


def test_a_huge_header_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / NEWEST).open("wb") as file:
        file.write((2**40).to_bytes(8, "little"))
        file.truncate(100_000_000)
    with pytest.raises(UserError, match=r"a header of 1,099,511,627,776 bytes"):
        load_checkpoint(tmp_path)


def _stopped(folder, step, monkeypatch):
    monkeypatch.setattr(_clock.Clock, "checkpoint_is_due", lambda _: True)
    with pytest.raises(KeyboardInterrupt):
        Small().run(folder, progress=Breaker(step, KeyboardInterrupt))


def test_a_damaged_newest_falls_back_to_the_previous(tmp_path, monkeypatch):
    expected = digest(Small().run(tmp_path / "whole").net)
    run = tmp_path / "run"
    _stopped(run, 11, monkeypatch)
    content = bytearray((run / NEWEST).read_bytes())
    content[-5] ^= 4
    (run / NEWEST).write_bytes(content)
    good = (run / PREVIOUS).read_bytes()

    # Broken again at once: the damaged file must not have taken the place of the good one.
    with pytest.raises(KeyboardInterrupt):
        Small().run(run, progress=Breaker(11, KeyboardInterrupt))
    assert (run / PREVIOUS).read_bytes() == good
    assert (run / DAMAGED).read_bytes() == content

    (run / NEWEST).write_bytes(content)
    result = Small().run(run)
    assert digest(result.net) == expected
    assert len(result.notes) == 1
    assert "its checksum does not hold" in result.notes[0]
    assert "step 10 of checkpoint-previous.safetensors" in result.notes[0]
    assert [entry["step"] for entry in result.history] == list(range(1, 21))


def test_killed_between_the_two_renames(tmp_path, monkeypatch):
    expected = digest(Small().run(tmp_path / "whole").net)
    run = tmp_path / "run"
    _stopped(run, 11, monkeypatch)
    (run / NEWEST).unlink()
    result = Small().run(run)
    assert digest(result.net) == expected
    assert result.notes == ()


def test_both_damaged(tmp_path, monkeypatch):
    run = tmp_path / "run"
    _stopped(run, 5, monkeypatch)
    for name in (NEWEST, PREVIOUS):
        os.truncate(run / name, 1000)
    with pytest.raises(UserError) as caught:
        Small().run(run)
    message = str(caught.value)
    assert f"{NEWEST} (" in message
    assert f"{PREVIOUS} (" in message
    assert "remove the folder to train from the start" in message


def test_a_checkpoint_of_another_training_is_refused(tmp_path, monkeypatch):
    _stopped(tmp_path / "a", 5, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        Small(width=0.5).run(tmp_path / "b", progress=Breaker(5, KeyboardInterrupt))
    shutil.copy(tmp_path / "a" / NEWEST, tmp_path / "b" / NEWEST)
    with pytest.raises(UserError, match="belongs to another training"):
        Small(width=0.5).run(tmp_path / "b")


def test_run_json_says_everything(tmp_path):
    Small().run(tmp_path)
    known = json.loads((tmp_path / "run.json").read_bytes())
    assert {"family", "variant", "spec", "recipe", "preprocessing", "versions", "digest"} < set(
        known
    )
    assert known["spec"]["width_multiplier"] == 0.25
    assert known["recipe"]["steps"] == 20


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"format": 99}'])
def test_a_damaged_run_json_is_said(tmp_path, content):
    Small().run(tmp_path)
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json"):
        Small().run(tmp_path)


def test_another_version_is_noted(tmp_path):
    Small().run(tmp_path)
    known = json.loads((tmp_path / "run.json").read_bytes())
    known["versions"]["torch"] = "2.10.0"
    (tmp_path / "run.json").write_text(json.dumps(known))
    notes = Small().run(tmp_path).notes
    assert len(notes) == 1
    assert "the run was started with 2.10.0" in notes[0]


def test_a_changed_log_is_noted(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Small().run(tmp_path, progress=Breaker(10, KeyboardInterrupt))
    log = tmp_path / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([lines[0], b"not json\n", *lines[3:]]))
    result = Small().run(tmp_path)
    assert "log.jsonl was changed" in result.notes[0]
    assert result.history[-1]["step"] == 20
