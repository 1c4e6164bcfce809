"""How a model in a file stands images that are worse than those it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convatlas.data import ImageSource, Picture, Progress, Split, prepare
from convatlas.device._model import open_model
from convatlas.device._scored_models import Conditions, ScoredModels
from convatlas.evaluation import Robustness, robustness

_MOST = 2_000  # images


def robustness_of(
    path: Path,
    scored: ScoredModels,
    conditions: Conditions,
    cache: Path,
    *,
    progress: Progress | None = None,
) -> Robustness:
    """Errors of the model at `path` on at most 2,000 of the scored images, clean and corrupted.

    Args:
        cache: directory for the decoded images.
    """
    model = open_model(path, threads=conditions.threads).scoring
    model = model.with_preset(conditions.preprocessing)
    images, member = scored.images, scored.members[0]
    lost = {file.name for file in member.unreadable}
    readable = [i for i, name in enumerate(images.names) if name not in lost]
    some = [readable[i * len(readable) // _MOST] for i in range(_MOST)]
    numbers = some if len(readable) > _MOST else readable
    split = Split(
        name="test",
        labels=images.labels[np.array(numbers, np.int64)],
        names=[images.names[i] for i in numbers],
        source=_Some(images.source, numbers),
        fingerprint=f"{images.fingerprint}-{len(numbers)}",
    )
    pixels = prepare(
        split, model.preprocessing, cache=cache, threads=conditions.threads, progress=progress
    )
    return robustness(
        model.predict, pixels, model.preprocessing, model.classes, most=_MOST, progress=progress
    )


@dataclass(frozen=True, slots=True)
class _Some:
    """Some images of a source, in that order."""

    source: ImageSource
    numbers: Sequence[int]

    def picture(self, index: int) -> Picture:
        """The picture of that number among them."""
        return self.source.picture(self.numbers[index])
