"""Losses that are not finite, and memory that does not suffice: told, and taken up exactly."""

import json
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from convatlas.errors import UserError
from convatlas.training import Diverged, Learner, _learner, _loop
from convatlas.training import _batches as batches_module
from convatlas.training._checkpoint import NEWEST, PREVIOUS
from tests.training.small import PREPROCESSING, RECIPE, Breaker, Small, digest

SKIP = replace(RECIPE, on_not_finite="skip")
BACK = replace(RECIPE, on_not_finite="roll_back")


def poisoned(*steps):
    """Batches whose images are not numbers in these steps."""

    class Poisoned(batches_module.Batches):
        def make(self, wanted):
            batch = super().make(wanted)
            if wanted + 1 in steps:
                batch.images.fill_(float("nan"))
            return batch

    return Poisoned


def _entries(folder, kind):
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == kind]


def test_a_step_that_is_skipped_leaves_no_trace_but_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(_loop, "Batches", poisoned(4, 9))
    small = Small(recipe=SKIP)
    result = small.run(tmp_path)
    expected = batches_module.Batches(small.train, PREPROCESSING, SKIP)
    skipped = _entries(tmp_path, "skipped")
    assert [(line["step"], line["what"]) for line in skipped] == [
        (3, "the loss is nan"), (8, "the loss is nan"),
    ]  # fmt: skip
    assert [line["images"] for line in skipped] == [expected.names(3), expected.names(8)]
    assert all(tensor.isfinite().all() for tensor in result.net.state_dict().values())
    run = tmp_path / "again"
    for step in (2, 4, 9, 12):
        with pytest.raises(KeyboardInterrupt):
            small.run(run, progress=Breaker(step, KeyboardInterrupt))
    assert digest(small.run(run).net) == digest(result.net)
    assert (run / "log.jsonl").read_bytes() == (tmp_path / "log.jsonl").read_bytes()


def test_too_many_skipped_steps_are_a_divergence(tmp_path, monkeypatch):
    monkeypatch.setattr(_loop, "Batches", poisoned(*range(1, 40)))
    with pytest.raises(Diverged, match="22 steps were skipped at step 22"):
        Small(recipe=replace(SKIP, steps=40)).run(tmp_path)


def _failing_twice(monkeypatch):
    """Step 13 fails while the learning rate was halved less than twice."""
    from convatlas.training._training import Training

    whole = Training._agree

    def agree(self, *rest):
        done = whole(self, *rest)
        if self.tally.step == 12 and self.tally.rollbacks < 2:
            return replace(done, loss=float("nan"), finite=False)
        return done

    monkeypatch.setattr(Training, "_agree", agree)


def test_going_back_halves_the_rate_and_can_be_broken_off_anywhere(tmp_path, monkeypatch):
    usual = {x["step"]: x["learning_rate"] for x in Small().run(tmp_path / "usual").history}
    _failing_twice(monkeypatch)
    small = Small(recipe=BACK)
    whole = small.run(tmp_path / "whole")
    back = _entries(tmp_path / "whole", "went_back")
    assert [(line["step"], line["failed_step"]) for line in back] == [(12, 13), (12, 13)]
    rates = {line["step"]: line["learning_rate"] for line in whole.history}
    assert rates[12] == usual[12]
    assert rates[13] == usual[13] / 4
    assert [line["step"] for line in whole.history] == list(range(1, 21))

    log = (tmp_path / "whole" / "log.jsonl").read_bytes()
    from convatlas.training._keeper import Keeper

    calls = {"save": (13, 14), "keep_good": (14,), "go_back": (1,)}  # before and after
    for method, numbers in calls.items():
        for number in numbers:
            run = tmp_path / f"{method}{number}"
            with monkeypatch.context() as patch:
                patch.setattr(Keeper, method, _dying(getattr(Keeper, method), number))
                patch.setattr("convatlas.training._clock.Clock.checkpoint_is_due", lambda _: True)
                with suppress(ZeroDivisionError):
                    small.run(run)
            assert digest(small.run(run).net) == digest(whole.net), (method, number)
            assert (run / "log.jsonl").read_bytes() == log, (method, number)


def _dying(whole, number):
    """`whole`, whose call of that number is the process's last."""
    calls = iter(range(1, 1000))

    def method(self):
        found = whole(self)
        if next(calls) == number:
            raise ZeroDivisionError
        return found

    return method


def test_a_torn_checkpoint_after_going_back(tmp_path, monkeypatch):
    """The one before it knows nothing of the way back, which is found again."""
    _failing_twice(monkeypatch)
    small = Small(recipe=BACK)
    whole = small.run(tmp_path / "whole")
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        small.run(run, progress=Breaker(10, KeyboardInterrupt))
    before = (run / NEWEST).read_bytes()
    with pytest.raises(KeyboardInterrupt):
        small.run(run, progress=Breaker(13, KeyboardInterrupt))
    (run / NEWEST).write_bytes((run / NEWEST).read_bytes()[:-7])
    (run / PREVIOUS).write_bytes(before)
    result = small.run(run)
    assert "damaged" in result.notes[0]
    assert digest(result.net) == digest(whole.net)
    assert (run / "log.jsonl").read_bytes() == (tmp_path / "whole" / "log.jsonl").read_bytes()


def test_a_gradient_that_is_not_finite_names_its_own_step(tmp_path, monkeypatch):
    whole = Learner.backward

    def backward(self, step, images, labels):
        loss = whole(self, step, images, labels)
        if step == 6:
            next(p for p in self.net.parameters() if p.grad is not None).grad[0] = float("inf")
        return loss

    monkeypatch.setattr(Learner, "backward", backward)
    with pytest.raises(Diverged, match="a gradient is not finite at step 7") as caught:
        Small().run(tmp_path)
    assert json.loads((tmp_path / "diverged.json").read_bytes())["step"] == 7
    assert len(caught.value.names) == 16


def _short_of_memory(monkeypatch, largest, error=None):
    """The allocator fails for more than `largest` images at a time, after the forward pass."""
    whole = _learner._Loss.forward

    def forward(self, images, labels, mix):
        loss = whole(self, images, labels, mix)
        if len(images) > largest:
            raise error or RuntimeError(
                "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
                "memory: you tried to allocate 4294967296 bytes. Error code 12"
            )
        return loss

    monkeypatch.setattr(_learner._Loss, "forward", forward)


@pytest.mark.parametrize(
    "error", [None, torch.OutOfMemoryError("CUDA out of memory"), MemoryError()]
)
def test_memory_that_does_not_suffice_gives_more_micro_batches(tmp_path, monkeypatch, error):
    lenet = Small("lenet5_small", 1.0, replace(RECIPE, learning_rate=0.01))
    usual = lenet.run(tmp_path / "usual")
    _short_of_memory(monkeypatch, 5, error)
    result = lenet.run(tmp_path / "short")
    (event,) = result.events
    assert event == {
        "kind": "memory", "step": 0, "micro_batches": 4,
        "norms": "see 1/4 of a batch",
    }  # fmt: skip
    # The sum over a batch is taken in four parts: some roundings apart, grown over 20 steps.
    for found, expected in zip(
        result.net.state_dict().values(), usual.net.state_dict().values(), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(KeyboardInterrupt):
        lenet.run(tmp_path / "again", progress=Breaker(5, KeyboardInterrupt))
    monkeypatch.undo()  # there is enough memory again: the parts stay
    assert digest(lenet.run(tmp_path / "again").net) == digest(result.net)


def test_running_statistics_see_a_step_once(tmp_path, monkeypatch):
    counts = [t for n, t in Small().run(tmp_path / "a").net.state_dict().items() if "tracked" in n]
    _short_of_memory(monkeypatch, 8)
    short = Small().run(tmp_path / "b").net.state_dict()
    found = [t for n, t in short.items() if "tracked" in n]
    assert all(int(t) == 20 for t in counts)
    assert all(int(t) == 40 for t in found)  # two parts a step, and none of the attempt that failed


def test_a_single_image_too_many(tmp_path, monkeypatch):
    _short_of_memory(monkeypatch, 0)
    with pytest.raises(UserError, match=r"Not enough memory for a step of 16 images in 16"):
        Small().run(tmp_path)
