"""What each image came to: the few numbers that every score is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """A number per image in each array."""

    truth: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]  # another class than `truth` whenever rank > 1
    rank: npt.NDArray[np.int64]  # of the true class, ties counted against it; 1 is correct
    confidence: npt.NDArray[np.float64]  # probability of the predicted class
    loss: npt.NDArray[np.float64]  # cross-entropy, nats

    def __len__(self) -> int:
        return len(self.truth)

    @classmethod
    def concatenated(cls, parts: Sequence["Outcomes"]) -> "Outcomes":
        """The outcomes of several batches, in their order."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def outcomes_of(logits: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> Outcomes:
    """The outcomes of one batch: finite `logits` [n, k] against labels [n]; float64 inside."""
    wide = logits.astype(np.float64)
    rows = np.arange(len(truth))
    own = wide[rows, truth]
    rank = (wide >= own[:, None]).sum(axis=1)  # the class itself is one of them
    others = wide.copy()
    others[rows, truth] = -np.inf
    predicted = np.where(rank > 1, others.argmax(axis=1), truth)
    shifted = wide - wide.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return Outcomes(
        truth=truth.astype(np.int64),
        predicted=predicted,
        rank=rank,
        confidence=np.exp(shifted[rows, predicted] - log_sum),
        loss=log_sum - shifted[rows, truth],
    )
