"""A fresh net of every family learns: its loss falls on real digits within a minute."""

import time

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from convatlas.data import Augmentation, open_dataset
from convatlas.models import build, families
from convatlas.training import Learner, default_recipe, has_norm
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
    name = _of_family(family)
    changes = {} if name in FIXED else {**thin(name), "in_channels": 1, "num_classes": 10}
    torch.manual_seed(0)
    net = build(name, **changes)
    side = int(changes.get("input_side", 32))
    digits = open_dataset("digits").train
    recipe = default_recipe(
        len(digits),
        10,
        Augmentation(),
        seed=0,
        steps=STEPS,
        batch_size=BATCH,
        has_norm=has_norm(net),
    )
    learner = Learner(net, recipe)
    draw, losses, start = np.random.default_rng(0), [], time.process_time()
    for step in range(STEPS):
        chosen = draw.choice(len(digits), BATCH, replace=False)
        pixels = np.stack([np.asarray(digits.image(int(i)), np.float32) for i in chosen])
        images = torch.from_numpy(pixels / 127.5 - 1)[:, None]
        images = F.interpolate(images, size=(side, side), mode="bilinear")
        losses.append(learner.learn(step, images, torch.from_numpy(digits.labels[chosen])))
        fallen = len(losses) > 20 and np.mean(losses[-10:]) < FALLEN * np.mean(losses[:5])
        if fallen or time.process_time() - start > SECONDS:
            break
    assert fallen, (name, losses)
