"""A fresh net of every family learns: its loss falls on real digits within a minute."""

import time

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from convatlas.data import Augmentation, open_dataset
from convatlas.models import build, families
from convatlas.training import Learner, Length, Situation, has_norm
from convatlas.training.recipes import find
from tests.contract.nets import FIXED, representatives, thin

SECONDS = 60  # of computing
STEPS = 400  # most; it ends as soon as the loss has fallen
BATCH = 32
FALLEN = 0.75  # of the loss at the start, which is that of guessing


def _of_family(family: str) -> str:
    """The quickest to run: the least side, then the name."""
    names = [n for n in families()[family].variants if n in representatives()]
    return min(names, key=lambda name: (thin(name).get("input_side", 32), name))


@pytest.mark.train
@pytest.mark.parametrize("family", sorted(families()))
def test_loss_falls_on_digits(family):
    """By one of the default recipes; the clipped one moves nets with a steep start but slowly."""
    name = _of_family(family)
    losses = {}
    for clipped in (True, False):
        losses[clipped] = _losses(name, clipped=clipped)
        if _fallen(losses[clipped]):
            return
    raise AssertionError((name, losses))


def _losses(name: str, *, clipped: bool) -> list[float]:
    changes = {} if name in FIXED else {**thin(name), "in_channels": 1, "num_classes": 10}
    torch.manual_seed(0)
    net = build(name, **changes)
    side = int(changes.get("input_side", 32))
    digits = open_dataset("digits").train
    situation = Situation(
        variant=name,
        side=side,
        images=len(digits),
        classes=10,
        has=frozenset(["norms"] if has_norm(net) and clipped else []),
        augmentation=Augmentation(),
    )
    recipe = find("small-data").plan(situation, Length(steps=STEPS, batch_size=BATCH))
    learner = Learner(net, recipe)
    draw, losses, start = np.random.default_rng(0), [], time.process_time()
    for step in range(STEPS):
        chosen = draw.choice(len(digits), BATCH, replace=False)
        pixels = np.stack([np.asarray(digits.image(int(i)), np.float32) for i in chosen])
        images = torch.from_numpy(pixels / 127.5 - 1)[:, None]
        images = F.interpolate(images, size=(side, side), mode="bilinear")
        losses.append(learner.learn(step, images, torch.from_numpy(digits.labels[chosen])))
        if _fallen(losses) or time.process_time() - start > SECONDS:
            break
    return losses


def _fallen(losses: list[float]) -> bool:
    return len(losses) > 20 and bool(np.mean(losses[-10:]) < FALLEN * np.mean(losses[:5]))
