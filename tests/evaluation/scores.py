"""Sets of scores made by hand or at random."""

from collections.abc import Sequence

import numpy as np

from convatlas.evaluation import Scored


def scored(
    probabilities: Sequence[Sequence[float]] | np.ndarray,
    truth: Sequence[int] | np.ndarray,
    *,
    names: Sequence[str] = (),
    classes: Sequence[str] = (),
    model: str = "net",
) -> Scored:
    values = np.asarray(probabilities, np.float64)
    n, k = values.shape
    return Scored(
        probabilities=values,
        truth=np.asarray(truth, np.int64),
        names=list(names) or [f"test/{i:04d}.jpg" for i in range(n)],
        classes=tuple(classes) or tuple(f"c{i}" for i in range(k)),
        protocol="single_crop",
        model=model,
        unreadable=(),
    )


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def random_scored(n: int = 300, k: int = 7, seed: int = 0, sharpness: float = 2.0) -> Scored:
    """Labels drawn independently of the probabilities, but for a push towards the right class."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, k, n)
    logits = generator.normal(0, 1, (n, k))
    logits[np.arange(n), truth] += 1.0
    return scored(softmax(sharpness * logits), truth)


def right_or_wrong(right: Sequence[bool], **changes: object) -> Scored:
    """Two classes, all images of the first, each found or not."""
    rows = [[0.9, 0.1] if good else [0.2, 0.8] for good in right]
    return scored(rows, [0] * len(rows), **changes)
