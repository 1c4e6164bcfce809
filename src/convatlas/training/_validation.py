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
from convatlas.errors import UserError
from convatlas.training._batches import Batch, prefetched
from convatlas.training._images import Images
from convatlas.training._readable import readable
from convatlas.training._recipe import Recipe
from convatlas.training._world import World

_SHARE = 6  # an image costs a third of its training: all points but the last cost 5 % of the run
_LEAST = 256  # fewer images say too little
_BATCH = 512
_BATCH_PIXELS = 2**21  # keeps a batch of large images within memory


@dataclass(frozen=True, slots=True)
class Scored:
    """What a validation finds."""

    scores: dict[str, int | float]  # accuracy, loss, images
    lost: dict[str, str]  # images that could not be read, and why


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
    skip: bool = False  # images that cannot be read

    def due(self, step: int) -> bool:
        """Whether to validate after `step` steps."""
        points, steps = self.recipe.validations, self.recipe.steps
        return step > 0 and step * points // steps > (step - 1) * points // steps

    def score(self, average: nn.Module, step: int, check: Callable[[], None]) -> Scored:
        """Accuracy (percent) and loss (nats) after `step` steps, with the number of images.

        Every process scores its share of the images with the leader's `average`; every image is
        counted once. `check` is called between batches where no other process waits for this one.

        Raises:
            UserError: if an image cannot be read and must not be left out, or none can be.
        """
        self.world.send([*average.parameters(), *average.buffers()])
        rows = self.rows(step)
        own = rows[self.world.rank :: self.world.size]
        side = self.preprocessing.side
        size = max(16, min(_BATCH, _BATCH_PIXELS // side**2))
        parts = [own[i : i + size] for i in range(0, len(own), size)]
        right, seen, loss = 0, 0, 0.0
        lost: dict[str, str] = {}
        device = self.world.device
        with torch.inference_mode(), prefetched(self._batch, parts) as batches:
            for batch in batches:
                if self.world.alone:
                    check()
                lost |= {one.name: one.reason for one in batch.lost}
                if not len(batch.labels):
                    continue
                labels = batch.labels.to(device)
                logits = average(batch.images.to(device))
                loss += F.cross_entropy(logits, labels, reduction="sum").item()
                right += int((logits.argmax(1) == labels).sum())
                seen += len(labels)
        all_right, n, all_loss, gone = self.world.summed(right, seen, loss, len(lost))
        assert n + gone == len(rows), f"{n} images were scored, {len(rows)} there are"  # noqa: S101  an invariant of ours, not input
        if gone:
            lost = {name: why for part in self.world.gathered(lost) for name, why in part.items()}
        if not n:
            raise UserError(
                f"None of the {len(rows)} validation images can be read. Is the disk still there?"
            )
        scores = {"accuracy": 100.0 * all_right / n, "loss": all_loss / n, "images": int(n)}
        return Scored(scores, lost)

    def rows(self, step: int) -> npt.NDArray[np.int64]:
        """The images that are scored after `step` steps: an even selection; all at the end."""
        n = len(self.pixels)
        if step == self.recipe.steps:
            return np.arange(n)
        wanted = self.recipe.steps * self.recipe.batch_size / (_SHARE * self.recipe.validations)
        count = min(n, max(_LEAST, math.ceil(wanted)))
        return np.arange(count) * n // count

    def _batch(self, rows: npt.NDArray[np.int64]) -> Batch:
        squares, rows, lost = readable(self.pixels.batch, rows, skip=self.skip)
        if not len(rows):
            return Batch(torch.empty(0), torch.empty(0, dtype=torch.int64), lost)
        labels = torch.from_numpy(np.asarray(self.pixels.labels)[rows].astype(np.int64))
        images = centre(squares, self.preprocessing.side)
        return Batch(normalise(images, self.preprocessing), labels, lost)
