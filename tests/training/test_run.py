"""What a run says: its result, its log, and what went wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from convatlas.data import StoredPixels, centre, normalise
from convatlas.errors import UnknownName, UserError
from convatlas.files import locked
from convatlas.models import spec_of
from convatlas.training import Diverged, Recipe, throughput, train
from convatlas.training import _batches as batches_module
from tests.training.small import CLASSES, PREPROCESSING, RECIPE, Breaker, Small, digest, images


def test_it_learns(tmp_path):
    small = Small(recipe=replace(RECIPE, steps=60), train=images(200), val=images(300, seed=1))
    result = small.run(tmp_path)
    assert result.validation[-1]["accuracy"] > 90
    assert result.validation[-1]["images"] == 300
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    assert result.recipe == small.recipe
    assert result.steps == 60
    assert result.seconds > 0
    assert [entry["step"] for entry in result.validation] == list(range(6, 61, 6))


def test_validation_scores_are_those_of_the_net_returned(tmp_path):
    small = Small()
    result = small.run(tmp_path)
    assert not result.net.training
    with torch.inference_mode():
        pixels = centre(small.val.batch(np.arange(30)), 8)
        logits = result.net(normalise(pixels, PREPROCESSING))
    labels = torch.from_numpy(small.val.labels)
    right = (logits.argmax(1) == labels).double().mean().item()
    assert result.validation[-1]["accuracy"] == pytest.approx(100 * right)
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    assert result.validation[-1]["loss"] == pytest.approx(loss, rel=1e-4)


def test_the_net_returned_can_be_saved_and_trained_further(tmp_path):
    net = Small().run(tmp_path).net
    assert all(tensor.is_contiguous() for tensor in net.state_dict().values())
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_the_log_has_every_step_once(tmp_path):
    small = Small(recipe=replace(RECIPE, steps=250, batch_size=4))
    result = small.run(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if line["kind"] == "training"]
    assert len(steps) == 100
    assert steps == sorted(set(steps))
    assert steps[-1] == 250
    assert set(result.history[0]) == {"step", "epoch", "loss", "learning_rate"}
    assert result.history[-1]["epoch"] == 20.0


def test_progress_ends_at_the_end(tmp_path):
    reports = []
    Small().run(tmp_path, progress=lambda *report: reports.append(report))
    assert reports == [("training", step, 20) for step in range(1, 21)]


def _poisoned(step):
    """Batches whose images are not numbers from `step` on."""

    class Poisoned(batches_module.Batches):
        def make(self, wanted):
            batch = super().make(wanted)
            if wanted + 1 >= step:
                batch.images.fill_(float("nan"))
            return batch

    return Poisoned


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_divergence_names_the_batch_and_keeps_the_checkpoint(tmp_path, monkeypatch, optimizer):
    from convatlas.training import _loop

    small = Small(recipe=replace(RECIPE, optimizer=optimizer, learning_rate=0.01))
    with pytest.raises(KeyboardInterrupt):
        small.run(tmp_path, progress=Breaker(9, KeyboardInterrupt))
    checkpoint = (tmp_path / "checkpoint.safetensors").read_bytes()
    monkeypatch.setattr(_loop, "Batches", _poisoned(12))
    with pytest.raises(Diverged) as caught:
        small.run(tmp_path)
    error = caught.value
    expected = batches_module.Batches(small.train, PREPROCESSING, small.recipe).names(11)
    assert error.names == tuple(expected)
    assert (error.step, error.epoch) == (12, 4)
    assert "the loss is nan at step 12 (epoch 4, learning rate 0.00" in str(error)
    assert repr(expected[7]) in str(error)
    assert "and 8 more" in str(error)
    assert isinstance(error, UserError)
    known = json.loads((tmp_path / "diverged.json").read_bytes())
    assert known["images"] == expected
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == checkpoint
    monkeypatch.undo()
    assert digest(small.run(tmp_path).net) == digest(small.run(tmp_path / "whole").net)


def test_weights_that_are_not_finite_are_never_saved(tmp_path, monkeypatch):
    """A finite loss whose step breaks the weights, just before a checkpoint is due."""
    from convatlas.training import _learner

    monkeypatch.setattr(
        _learner, "set_learning_rate", lambda o, _: o.param_groups[0].update(lr=1e38)
    )
    with pytest.raises(Diverged, match=r"is not finite|the loss is"):
        Small().run(tmp_path)
    monkeypatch.setattr(_learner.Learner, "is_finite", lambda _: False)
    monkeypatch.setattr(_learner, "set_learning_rate", lambda o, _: None)
    with pytest.raises(Diverged, match="a weight is not finite at step 20"):
        Small().run(tmp_path / "other")
    assert not (tmp_path / "other" / "checkpoint.safetensors").exists()


def test_is_finite_sees_every_tensor():
    from convatlas.models import build
    from convatlas.training import Learner

    learner = Learner(build("resnet8_small", in_channels=1), RECIPE)
    learner.learn(0, torch.randn(4, 1, 32, 32), torch.arange(4))
    assert learner.is_finite()
    for name, tensor in learner.tensors().items():
        if tensor.is_floating_point():
            place = (0,) * tensor.ndim
            before = tensor[place].item()
            for broken in (float("nan"), float("inf"), float("-inf")):
                tensor[place] = broken
                assert not learner.is_finite(), name
            tensor[place] = before
    assert learner.is_finite()


def test_a_run_in_use_is_refused(tmp_path):
    with locked(tmp_path), pytest.raises(UserError, match="in use by another convatlas process"):
        Small().run(tmp_path)


def _train(spec, recipe=RECIPE, pixels=None, preprocessing=PREPROCESSING, family="lenet"):
    pixels = images(20) if pixels is None else pixels
    return train(family, "x", spec, pixels, None, preprocessing, recipe, "never made")


def test_what_does_not_fit_is_said_before_anything_is_written():
    spec = spec_of("lenet5_small", input_side=8, in_channels=1, num_classes=CLASSES)
    with pytest.raises(UserError, match=r"takes 1 channels and 12 pixels.*gives 1 and 8"):
        _train(replace(spec, input_side=12))
    with pytest.raises(UserError, match="labels from 0 to 3, the net has 3 classes"):
        _train(replace(spec, num_classes=3))
    with pytest.raises(UserError, match="no training image"):
        _train(spec, pixels=images(0))
    with pytest.raises(UnknownName, match="'lenett'"):
        _train(spec, family="lenett")


def test_a_class_without_a_weight_is_said_before_anything_is_written(tmp_path):
    small = Small(changes={"num_classes": 5}, recipe=replace(RECIPE, class_weights="inverse"))
    with pytest.raises(UserError, match="No image to train on has class number 4"):
        small.run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_fewer_images_than_a_batch(tmp_path):
    result = Small(train=images(5), recipe=replace(RECIPE, steps=3)).run(tmp_path)
    assert result.history[-1]["epoch"] == pytest.approx(3 * 16 / 5)


def test_throughput_leaves_no_trace_and_follows_the_work():
    spec = spec_of("resnet8_small", input_side=8, in_channels=1, num_classes=4)
    small = replace(spec, width_multiplier=0.25)
    large = replace(spec, width_multiplier=4.0, input_side=16)
    torch.manual_seed(1)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    recipe = Recipe(batch_size=16, steps=1)
    fast = throughput("resnet_cifar", small, recipe, threads=1, seconds=0.3)
    slow = throughput("resnet_cifar", large, recipe, threads=1, seconds=0.3)
    assert fast > 3 * slow > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_augmentation_is_applied(tmp_path):
    seen = set()

    class Spy(StoredPixels):
        def changed(self, indices, augmentation, side, *, seed, epoch):
            seen.add((epoch, augmentation, seed))
            return super().changed(indices, augmentation, side, seed=seed, epoch=epoch)

    plain = images(50)
    spy = Spy(labels=plain.labels, names=plain.names, images=plain.images)
    Small(train=spy).run(tmp_path)
    assert seen == {(epoch, RECIPE.augmentation, RECIPE.seed) for epoch in range(7)}
