"""How fast a training will go, found by doing some of its steps."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from itertools import count
from statistics import median
from time import monotonic
from typing import Any

import numpy as np
import torch

from convatlas.data import Augmentation, Preprocessing, augment
from convatlas.models import Spec, from_spec
from convatlas.training._batches import Batch, Batches, prefetched
from convatlas.training._learner import Learner
from convatlas.training._recipe import Recipe
from convatlas.training._surroundings import borrowed
from convatlas.training._world import World

_LEAST_STEPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many threads train a net fastest here, and how fast."""

    threads: int
    images_per_s: float


def pace(
    family: str,
    spec: Mapping[str, Any] | Spec,
    recipe: Recipe,
    *,
    cores: int,
    seconds: float = 1.0,
) -> Pace:
    """The better of one thread and of `cores` threads, measured.

    Small nets are often faster on one: their layers are over before a second thread is awake, and
    beside another busy process threads wait for each other at every layer.

    Args:
        seconds: for each of the two.
    """
    found = [
        Pace(
            threads=threads,
            images_per_s=throughput(family, spec, recipe, threads=threads, seconds=seconds),
        )
        for threads in sorted({1, cores})
    ]
    return max(found, key=lambda one: one.images_per_s)


class _Noise:
    """As many random images as a batch has; the same for every batch."""

    def __init__(self, n: int, side: int, channels: int, classes: int) -> None:
        random = np.random.default_rng(0)
        self._images = random.integers(0, 256, (n, side, side, channels), dtype=np.uint8)
        self.labels = random.integers(0, classes, n)
        self.names = [f"noise/{i}" for i in range(n)]

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, indices: np.ndarray) -> np.ndarray:
        return self._images[indices]

    def changed(
        self,
        indices: np.ndarray,
        augmentation: Augmentation,
        side: int,
        *,
        seed: int,
        epoch: int,
    ) -> np.ndarray:
        return augment(
            self.batch(indices), augmentation, side, seed=seed, epoch=epoch, indices=indices
        )


def throughput(
    family: str,
    spec: Mapping[str, Any] | Spec,
    recipe: Recipe,
    *,
    threads: int,
    seconds: float = 1.0,
    device: torch.device | None = None,
) -> float:
    """Images a second that `train` gets through, with changing and normalising the images.

    The median of the steps done within about `seconds` after one to warm up, at least two; random
    images, whose content does not matter to the time. Reading photos the first time, validation
    and checkpoints come on top.

    Args:
        device: None: the CPU.
    """
    fields = asdict(spec) if is_dataclass(spec) else dict(spec)
    side, channels = fields["input_side"], fields["in_channels"]
    preprocessing = Preprocessing(
        side=side, channels=channels, mean=(0.5,) * channels, std=(0.25,) * channels
    )
    noise = _Noise(recipe.batch_size, side, channels, fields["num_classes"])
    world = World(device=device or torch.device("cpu"))
    with borrowed(threads, seed=recipe.seed, device=world.device):
        learner = Learner(from_spec(family, fields), recipe, world=world)
        with prefetched(Batches(noise, preprocessing, recipe, world).make, count()) as batches:
            return recipe.batch_size / _step_seconds(learner, batches, seconds)


def _step_seconds(learner: Learner, batches: Iterator[Batch], seconds: float) -> float:
    """Median time of a step, waiting for its batch included."""
    times: list[float] = []
    begun = mark = 0.0
    for step, batch in enumerate(batches):
        learner.learn(min(step, learner.recipe.steps - 1), batch.images, batch.labels)
        now = monotonic()
        if step == 0:
            begun = now
        else:
            times.append(now - mark)
        mark = now
        if len(times) >= _LEAST_STEPS and now - begun >= seconds:
            break
    return median(times)
