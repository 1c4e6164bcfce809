"""A run that was stopped or broken off ends with the bytes of one that was not."""

from dataclasses import replace

import pytest
import torch

from convatlas.errors import UserError
from convatlas.training import _clock
from tests.training.small import RECIPE, Breaker, Small, digest, images

ADAMW = replace(RECIPE, optimizer="adamw", learning_rate=2e-3, gradient_clip=1.0)
CASES = {
    "batch norm, sgd": Small(),
    "batch norm, adamw": Small(recipe=ADAMW),
    "dropout, sgd": Small("alexnet_small", 0.125, replace(RECIPE, learning_rate=0.01)),
    "dropout, adamw": Small("alexnet_small", 0.125, ADAMW),
    "no validation": Small("lenet5_small", 1.0, ADAMW, val=None),
}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    kept = {}

    def result(name):
        if name not in kept:
            kept[name] = CASES[name].run(tmp_path_factory.mktemp("whole"))
        return kept[name]

    return result


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("step", [1, 3, 4, 10, 19])  # an epoch is 3.125 steps
def test_stopped_once(name, step, uninterrupted, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        CASES[name].run(tmp_path, progress=Breaker(step, KeyboardInterrupt))
    result = CASES[name].run(tmp_path)
    whole = uninterrupted(name)
    assert digest(result.net) == digest(whole.net)
    assert result.history == whole.history
    assert result.validation == whole.validation


@pytest.mark.parametrize("name", ["batch norm, sgd", "dropout, adamw"])
def test_stopped_after_every_step(name, uninterrupted, tmp_path):
    for step in range(1, 20):
        with pytest.raises(KeyboardInterrupt):
            CASES[name].run(tmp_path, progress=Breaker(step, KeyboardInterrupt))
    result = CASES[name].run(tmp_path)
    assert digest(result.net) == digest(uninterrupted(name).net)
    assert result.history == uninterrupted(name).history


@pytest.mark.parametrize("name", ["batch norm, sgd", "dropout, adamw"])
def test_crashed_between_checkpoints(name, uninterrupted, tmp_path, monkeypatch):
    """Steps after the last checkpoint are done again; the log has each of them once."""
    every_third = iter(range(1000))
    monkeypatch.setattr(_clock.Clock, "checkpoint_is_due", lambda _: next(every_third) % 3 == 2)
    for step in (2, 5, 9, 11, 16):
        with pytest.raises(ZeroDivisionError):
            CASES[name].run(tmp_path, progress=Breaker(step, ZeroDivisionError))
    result = CASES[name].run(tmp_path)
    whole = uninterrupted(name)
    assert digest(result.net) == digest(whole.net)
    assert [entry["step"] for entry in result.history] == list(range(1, 21))
    assert result.history == whole.history
    assert result.validation == whole.validation


def test_crashed_before_the_first_checkpoint(uninterrupted, tmp_path):
    small = CASES["batch norm, sgd"]
    with pytest.raises(ZeroDivisionError):
        small.run(tmp_path, progress=Breaker(5, ZeroDivisionError))
    result = small.run(tmp_path)
    assert digest(result.net) == digest(uninterrupted("batch norm, sgd").net)
    assert len(result.history) == 20


def test_the_momentum_and_the_average_matter(uninterrupted, tmp_path, monkeypatch):
    """The comparison above can fail: a resume that forgets the momentum gives other weights."""
    small = CASES["batch norm, sgd"]
    with pytest.raises(KeyboardInterrupt):
        small.run(tmp_path, progress=Breaker(10, KeyboardInterrupt))
    from convatlas.training import _learner

    monkeypatch.setattr(
        _learner, "_laid_out_like", lambda parameter, _: torch.zeros_like(parameter)
    )
    result = small.run(tmp_path)
    assert digest(result.net) != digest(uninterrupted("batch norm, sgd").net)


def test_a_finished_run_gives_its_result_at_once(tmp_path):
    small = Small()
    first = small.run(tmp_path)
    steps = []
    again = small.run(tmp_path, progress=lambda *report: steps.append(report))
    assert steps == []
    assert digest(again.net) == digest(first.net)
    assert again.history == first.history
    assert again.validation == first.validation
    assert again.notes == ()


def test_same_seed_same_bytes_other_seed_others(tmp_path, uninterrupted):
    small = Small()
    assert digest(small.run(tmp_path / "a").net) == digest(uninterrupted("batch norm, sgd").net)
    other = replace(small, recipe=replace(RECIPE, seed=4))
    assert digest(other.run(tmp_path / "b").net) != digest(uninterrupted("batch norm, sgd").net)


def test_what_was_drawn_before_does_not_matter(tmp_path, uninterrupted):
    torch.manual_seed(12345)
    state = torch.get_rng_state()
    result = Small().run(tmp_path)
    assert digest(result.net) == digest(uninterrupted("batch norm, sgd").net)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_run_keeps_the_threads_it_was_started_with(tmp_path, uninterrupted):
    small = Small()
    with pytest.raises(KeyboardInterrupt):
        small.run(tmp_path, progress=Breaker(10, KeyboardInterrupt), threads=1)
    before = torch.get_num_threads()
    result = small.run(tmp_path, threads=2)
    assert torch.get_num_threads() == before
    assert digest(result.net) == digest(uninterrupted("batch norm, sgd").net)
    assert len(result.notes) == 1
    assert "used 1 threads" in result.notes[0]


def test_other_settings_are_refused(tmp_path):
    Small().run(tmp_path)
    others = {
        "recipe.learning_rate is 0.05 there, 0.07 asked for": Small(
            recipe=replace(RECIPE, learning_rate=0.07)
        ),
        "spec.width_multiplier is 0.25 there, 0.5 asked for": Small(width=0.5),
        "data.train.images is 50 there, 51 asked for": Small(train=images(51)),
        "data.val.images is 30 there, absent asked for": Small(val=None),
        "data.train.sha256": Small(train=images(50, seed=9)),
        "family is 'resnet_cifar'": Small("lenet5_small"),
    }
    for message, other in others.items():
        with pytest.raises(UserError) as caught:
            other.run(tmp_path)
        assert message.replace("'", "") in str(caught.value).replace("'", "")
        assert "Give another folder" in str(caught.value)
    assert Small().run(tmp_path).steps == 20


def test_equal_labels_and_names_but_other_pixels_are_other_data(tmp_path):
    Small().run(tmp_path)
    pixels = images(50)
    changed = pixels.images.copy()
    changed[7, 3, 3, 0] ^= 1
    with pytest.raises(UserError, match=r"data\.train\.sha256"):
        Small(train=replace(pixels, images=changed)).run(tmp_path)
