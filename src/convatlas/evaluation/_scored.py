"""Images of known classes with the probabilities that a net gives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from convatlas.data import Unreadable
from convatlas.evaluation._outcomes import Outcomes, outcomes_of

_PIECE = 1 << 22  # probabilities that are looked at together
_LEAST = float(np.finfo(np.float32).tiny)  # a probability of 0 has no logarithm


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Every readable image of a data set once, in order."""

    probabilities: npt.NDArray[np.floating]  # [n, k], rows sum to 1; may be mapped from a file
    truth: npt.NDArray[np.int64]  # [n]
    names: Sequence[str]
    classes: tuple[str, ...]
    protocol: str  # with the preprocessing it used
    model: str
    unreadable: tuple[Unreadable, ...] = ()

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def outcomes(self) -> Outcomes:
        """What each image came to; ties count as errors."""
        n, k = self.probabilities.shape
        at_once = max(1, _PIECE // k)
        return Outcomes.concatenated(
            [
                outcomes_of(
                    np.log(
                        np.maximum(self.probabilities[s : s + at_once].astype(np.float64), _LEAST)
                    ),
                    self.truth[s : s + at_once],
                )
                for s in range(0, max(n, 1), at_once)
            ]
        )
