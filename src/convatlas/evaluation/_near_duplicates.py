"""Images of the test set that the net has seen in training, or as good as seen.

Two images are as alike as the correlation of their grey detail: 16 x 16 pixels with the means of
blocks of 4 x 4 taken out, so that neither light nor a common background makes strangers alike. The
mirrored image counts too.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convatlas.data import Dataset, Progress, Split
from convatlas.evaluation._scored import Scored

_SIDE, _BLOCK = 16, 4
_BATCH = 1024
_FLAT = 2.0  # grey levels of detail (standard deviation) below which a picture shows nothing
_THRESHOLDS = (0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)
_COPY = 0.999  # beyond it unlike labels are a labelling error, not a chance likeness
_FALSE_SHARE = 0.1
_FEW = 30

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicate:
    """A test image and the training image most like it."""

    test: str
    train: str
    test_class: str
    train_class: str
    likeness: float  # correlation of detail, at most 1
    mirrored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicates:
    """All test images whose nearest training image is at least as like as `threshold`.

    `estimated_false` pairs come from the labels: strangers that are each other's nearest have
    unlike classes at a known rate, copies hardly ever.
    """

    pairs: tuple[NearDuplicate, ...]  # the most alike first
    threshold: float
    estimated_false: float
    tested: int
    against: int

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def near_duplicates(dataset: Dataset, *, progress: Progress | None = None) -> NearDuplicates:
    """The near-duplicates of the training images among the test images of `dataset`.

    The threshold is 0.85, or as much above as keeps the estimated false ones below a tenth of the
    pairs, for data whose images are all alike. Pictures without detail are passed over.

    Measured on CIFAR-10 (10,000 test images against 45,000): 161 pairs at a threshold of 0.9, 3 of
    unlike classes, from which 5 false ones are estimated. Of 1,000 of its test images changed by
    hand these shares are at least 0.85 alike to the original: above 99 % at JPEG quality 20, half
    the resolution, with noise of 10 levels, grey, or 1.3 times as bright; 96 % cut by one
    pixel of 32 all round; 17 % cut by two.
    """
    total = len(dataset.test) + len(dataset.train)
    tests = np.concatenate([d for _, d in _details(dataset.test, total, 0, progress)])
    best = np.full(len(tests), -1.0, np.float32)
    nearest = np.zeros(len(tests), np.int64)
    mirrored = np.zeros(len(tests), bool)
    for start, details in _details(dataset.train, total, len(tests), progress):
        for turned in (False, True):
            likeness = tests @ (_mirror(details) if turned else details).T
            place = likeness.argmax(axis=1)
            value = likeness[np.arange(len(tests)), place]
            closer = value > best
            best[closer], mirrored[closer] = value[closer], turned
            nearest[closer] = start + place[closer]
    unlike = dataset.test.labels != dataset.train.labels[nearest]
    threshold, false = _threshold(best, unlike)
    kept = np.flatnonzero(best >= threshold)
    kept = kept[np.argsort(-best[kept], kind="stable")]
    return NearDuplicates(
        pairs=tuple(
            _pair(dataset, i, int(nearest[i]), best[i], mirrored[i]) for i in kept.tolist()
        ),
        threshold=threshold,
        estimated_false=false,
        tested=len(dataset.test),
        against=len(dataset.train),
    )


def error_without(scored: Scored, duplicates: NearDuplicates) -> tuple[int, float]:
    """(images, top-1 error in percent) of the images that are no near-duplicates."""
    known = {pair.test for pair in duplicates.pairs}
    kept = np.array([name not in known for name in scored.names])
    errors = int((scored.outcomes.rank[kept] > 1).sum())
    return int(kept.sum()), 100.0 * errors / max(1, int(kept.sum()))


def _details(
    split: Split, total: int, before: int, progress: Progress | None
) -> Iterator[tuple[int, Array]]:
    """(number of the first image, unit vectors [b, 256]) of a few images at a time."""
    for start in range(0, len(split), _BATCH):
        numbers = range(start, min(start + _BATCH, len(split)))
        yield start, detail(np.stack([_small(split.image(i)) for i in numbers]))
        if progress is not None:
            progress("looking for near-duplicates", before + numbers[-1] + 1, total)


def _small(image: Image.Image) -> npt.NDArray[np.uint8]:
    grey = image if image.mode == "L" else image.convert("L")
    return np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX))


def detail(images: npt.NDArray[np.uint8]) -> Array:
    """Unit vectors [n, 256] of grey images [n, 16, 16]; zero where there is nothing to see."""
    n, cells = len(images), _SIDE // _BLOCK
    blocks = images.astype(np.float32).reshape(n, cells, _BLOCK, cells, _BLOCK)
    left = (blocks - blocks.mean(axis=(2, 4), keepdims=True)).reshape(n, -1)
    length = np.linalg.norm(left, axis=1, keepdims=True)
    return np.where(length >= _FLAT * _SIDE, left / np.maximum(length, 1e-6), np.float32(0))


def _mirror(details: Array) -> Array:
    return details.reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(len(details), -1)


def _threshold(best: Array, unlike: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The lowest threshold with few false pairs, and how many are expected to be false."""
    strangers = best < _THRESHOLDS[0]
    if strangers.sum() < _FEW:
        strangers = np.ones(len(best), bool)
    rate = max(float(unlike[strangers].mean()), 1 / len(best))
    false = 0.0
    for threshold in _THRESHOLDS:
        above = best >= threshold
        false = min(float(above.sum()), int((unlike & above & (best < _COPY)).sum()) / rate)
        if false <= _FALSE_SHARE * above.sum():
            return threshold, false
    return _COPY, 0.0


def _pair(dataset: Dataset, i: int, j: int, likeness: float, mirrored: bool) -> NearDuplicate:
    return NearDuplicate(
        test=dataset.test.names[i],
        train=dataset.train.names[j],
        test_class=dataset.classes[dataset.test.labels[i]],
        train_class=dataset.classes[dataset.train.labels[j]],
        likeness=round(float(likeness), 4),
        mirrored=bool(mirrored),
    )
