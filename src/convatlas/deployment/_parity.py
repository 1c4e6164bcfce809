"""How far two classifiers are apart on the same images."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from convatlas.errors import UserError
from convatlas.evaluation import Predictor

_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Differences between two classifiers' logits over `n` images.

    A logit that is not a number counts as an infinite difference.
    """

    max_difference: float
    relative_difference: float  # max_difference / largest absolute logit of the first
    agreement: float  # share of images with the same largest logit
    n: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def parity(
    first: Predictor, second: Predictor, images: np.ndarray | Iterable[np.ndarray]
) -> Parity:
    """Compare `second` with `first` on `images` [n, c, h, w], or on batches of them.

    Raises:
        UserError: if there are no images, or the two give different shapes.
    """
    n = agreeing = 0
    largest = difference = 0.0
    for batch in _batches(images):
        a, b = first(batch), second(batch)
        if a.shape != b.shape:
            raise UserError(
                f"The first classifier gives {a.shape}, the second {b.shape}. They are of "
                "different nets, or of different numbers of classes."
            )
        with np.errstate(invalid="ignore"):  # infinity minus infinity
            apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
        difference = max(difference, float(np.nan_to_num(apart, nan=np.inf, posinf=np.inf).max()))
        largest = max(largest, float(np.abs(a, where=np.isfinite(a), out=np.zeros_like(a)).max()))
        agreeing += int((a.argmax(axis=1) == b.argmax(axis=1)).sum())
        n += len(batch)
    if n == 0:
        raise UserError("There are no images to compare on. Give at least one.")
    return Parity(
        max_difference=difference,
        relative_difference=_share(difference, largest),
        agreement=agreeing / n,
        n=n,
    )


def _batches(images: np.ndarray | Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    if not isinstance(images, np.ndarray):
        yield from (batch for batch in images if len(batch))
        return
    for start in range(0, len(images), _BATCH):
        yield images[start : start + _BATCH]


def _share(part: float, whole: float) -> float:
    if part == 0.0:
        return 0.0
    return part / whole if whole > 0.0 else float("inf")
