"""Scoring the averaged weights on the validation images, during training and after it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from convatlas.data import Preprocessing, centre, normalise
from convatlas.training._batches import Batch, prefetched
from convatlas.training._images import Images
from convatlas.training._recipe import Recipe
from convatlas.training._world import World

_SHARE = 6  # an image costs a third of its training: all points but the last cost 5 % of the run
_LEAST = 256  # fewer images say too little
_BATCH = 512
_BATCH_PIXELS = 2**21  # keeps a batch of large images within memory


@dataclass(frozen=True, slots=True)
class Validation:
    """Validation images and the steps at which they are used.

    Before the end a validation uses an even selection of the images, so that all of them together
    cost about a twentieth of the training; the last one uses every image.
    """

    pixels: Images
    preprocessing: Preprocessing
    recipe: Recipe
    world: World = World()

    def due(self, step: int) -> bool:
        """Whether to validate after `step` steps."""
        points, steps = self.recipe.validations, self.recipe.steps
        return step > 0 and step * points // steps > (step - 1) * points // steps

    def score(
        self, average: nn.Module, step: int, check: Callable[[], None]
    ) -> dict[str, int | float]:
        """Accuracy (percent) and loss (nats) after `step` steps, with the number of images.

        Every process scores its share of the images with the leader's `average`; every image is
        counted once. `check` is called between batches where no other process waits for this one.
        """
        self.world.send([*average.parameters(), *average.buffers()])
        rows = self.rows(step)
        own = rows[self.world.rank :: self.world.size]
        side = self.preprocessing.side
        size = max(16, min(_BATCH, _BATCH_PIXELS // side**2))
        parts = [own[i : i + size] for i in range(0, len(own), size)]
        right, seen, loss = 0, 0, 0.0
        device = self.world.device
        with torch.inference_mode(), prefetched(self._batch, parts) as batches:
            for batch in batches:
                if self.world.alone:
                    check()
                labels = batch.labels.to(device)
                logits = average(batch.images.to(device))
                loss += F.cross_entropy(logits, labels, reduction="sum").item()
                right += int((logits.argmax(1) == labels).sum())
                seen += len(labels)
        all_right, all_seen, all_loss = self.world.summed(right, seen, loss)
        n = len(rows)
        assert all_seen == n, f"{all_seen} images were scored, {n} there are"  # noqa: S101  an invariant of ours, not input
        return {"accuracy": 100.0 * all_right / n, "loss": all_loss / n, "images": n}

    def rows(self, step: int) -> npt.NDArray[np.int64]:
        """The images that are scored after `step` steps: an even selection; all at the end."""
        n = len(self.pixels)
        if step == self.recipe.steps:
            return np.arange(n)
        wanted = self.recipe.steps * self.recipe.batch_size / (_SHARE * self.recipe.validations)
        count = min(n, max(_LEAST, math.ceil(wanted)))
        return np.arange(count) * n // count

    def _batch(self, rows: npt.NDArray[np.int64]) -> Batch:
        images = centre(self.pixels.batch(rows), self.preprocessing.side)
        labels = torch.from_numpy(np.asarray(self.pixels.labels)[rows].astype(np.int64))
        return Batch(normalise(images, self.preprocessing), labels)
