"""Scoring the averaged weights on the validation images, during training and after it."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convatlas.data import Preprocessing, centre, normalise
from convatlas.training._batches import Batch, prefetched
from convatlas.training._images import Images
from convatlas.training._recipe import Recipe
from convatlas.training._stopping import Stop

_POINTS = 10  # validations in a run, the last at its end
_SHARE = 60  # an image costs a third of its training: 9 points of 1/60 are 5 % of the run
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

    def due(self, step: int) -> bool:
        """Whether to validate after `step` steps."""
        steps = self.recipe.steps
        return step > 0 and step * _POINTS // steps > (step - 1) * _POINTS // steps

    def score(self, net: nn.Module, step: int, stop: Stop) -> dict[str, int | float]:
        """Accuracy (percent) and loss (nats) after `step` steps, with the number of images.

        Raises:
            Stopped: when a signal asked for the end meanwhile.
        """
        rows = self._rows(step)
        side = self.preprocessing.side
        size = max(16, min(_BATCH, _BATCH_PIXELS // side**2))
        parts = [rows[i : i + size] for i in range(0, len(rows), size)]
        right = 0
        loss = 0.0
        with torch.inference_mode(), prefetched(self._batch, parts) as batches:
            for batch in batches:
                stop.check()
                logits = net(batch.images)
                loss += F.cross_entropy(logits, batch.labels, reduction="sum").item()
                right += int((logits.argmax(1) == batch.labels).sum())
        n = len(rows)
        return {"step": step, "accuracy": 100.0 * right / n, "loss": loss / n, "images": n}

    def _rows(self, step: int) -> np.ndarray:
        n = len(self.pixels)
        if step == self.recipe.steps:
            return np.arange(n)
        wanted = math.ceil(self.recipe.steps * self.recipe.batch_size / _SHARE)
        count = min(n, max(_LEAST, wanted))
        return np.arange(count) * n // count

    def _batch(self, rows: np.ndarray) -> Batch:
        images = centre(self.pixels.batch(rows), self.preprocessing.side)
        labels = torch.from_numpy(np.asarray(self.pixels.labels)[rows].astype(np.int64))
        return Batch(normalise(images, self.preprocessing), labels)
