"""One number that makes a net's probabilities mean what they say; no answer changes.

Source: Guo et al., ICML 2017 (arXiv:1706.04599), section 4.2, "Temperature scaling".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from convatlas.evaluation._mean import mean
from convatlas.evaluation._outcomes import Outcomes, outcomes_of
from convatlas.evaluation._scored import Scored
from convatlas.evaluation.metrics._calibration import Reliability, reliability

LOWEST, HIGHEST = 0.01, 100.0
_LEAST = float(np.finfo(np.float32).tiny)  # a probability of 0 has no logarithm
_PIECE = 1 << 22  # probabilities that are looked at together
_STEPS = 60
_PRECISION = 1e-10  # of 1 / T, relative


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperature:
    """What logits are divided by. Above 1 the net was too sure of itself, below 1 not enough."""

    value: float  # 0.01 to 100; an end means that no finite value is the best
    fitted_on: str  # in words: "val of photos"
    n: int  # images it was fitted on

    def __str__(self) -> str:
        where = f"{self.fitted_on}, " if self.fitted_on else ""
        return f"temperature {self.value:.4g} (fitted on {where}{self.n:,} images)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a temperature changes on images, usually others than it was fitted on."""

    temperature: Temperature
    applied_to: str
    n: int
    loss_before: float  # mean cross-entropy, nats
    loss_after: float
    before: Reliability
    after: Reliability


def fit_temperature(scored: Scored, *, fitted_on: str = "") -> Temperature:
    """The temperature of the smallest loss on `scored`.

    The logits are the logarithms of the probabilities, so of averaged crops it scales the average.
    The loss is convex in 1 / T: Newton's steps on its derivative, halving where one leaves the
    bracket. Images are read in pieces; the probabilities are never held twice.

    Args:
        fitted_on: which split, for people; fit on another one than the score is told for.
    """
    low, high = 1 / HIGHEST, 1 / LOWEST
    if _derivatives(scored, high)[0] <= 0:
        return Temperature(value=LOWEST, fitted_on=fitted_on, n=len(scored))
    if _derivatives(scored, low)[0] >= 0:
        return Temperature(value=HIGHEST, fitted_on=fitted_on, n=len(scored))
    beta = 1.0
    for _ in range(_STEPS):
        slope, curvature = _derivatives(scored, beta)
        low, high = (low, beta) if slope > 0 else (beta, high)
        step = beta - slope / curvature if curvature > 0 else low
        following = step if low < step < high else (low * high) ** 0.5
        if abs(following - beta) <= _PRECISION * beta:
            break
        beta = following
    return Temperature(value=1 / following, fitted_on=fitted_on, n=len(scored))


def at_temperature(scored: Scored, temperature: Temperature) -> Scored:
    """`scored` with its probabilities at that temperature; its protocol says so."""
    scaled = np.empty(scored.probabilities.shape, np.float64)
    for rows, logits in _pieces(scored):
        logits /= temperature.value
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scaled[rows] = powers / powers.sum(axis=1, keepdims=True)
    return replace(scored, probabilities=scaled, protocol=f"{scored.protocol}, {temperature}")


def calibrated(temperature: Temperature, scored: Scored, *, applied_to: str = "") -> Calibration:
    """Loss and reliability of `scored` before and after `temperature`."""
    before = scored.outcomes
    after = Outcomes.concatenated(
        [
            outcomes_of((logits / temperature.value).astype(np.float64), scored.truth[rows])
            for rows, logits in _pieces(scored)
        ]
    )
    return Calibration(
        temperature=temperature,
        applied_to=applied_to,
        n=len(scored),
        loss_before=mean(before.loss),
        loss_after=mean(after.loss),
        before=reliability(before),
        after=reliability(after),
    )


def _pieces(scored: Scored) -> Iterator[tuple[slice, npt.NDArray[np.float64]]]:
    """(rows, their logits [r, k])."""
    n, k = scored.probabilities.shape
    at_once = max(1, _PIECE // k)
    for start in range(0, n, at_once):
        rows = slice(start, min(n, start + at_once))
        yield rows, np.log(np.maximum(scored.probabilities[rows].astype(np.float64), _LEAST))


def _derivatives(scored: Scored, beta: float) -> tuple[float, float]:
    """First and second derivative of the summed loss by beta = 1 / T."""
    slope = curvature = 0.0
    for rows, logits in _pieces(scored):
        truth = scored.truth[rows]
        powers = np.exp(beta * (logits - logits.max(axis=1, keepdims=True)))
        shares = powers / powers.sum(axis=1, keepdims=True)
        mean = (shares * logits).sum(axis=1)
        own = logits[np.arange(len(truth)), truth]
        slope += float((mean - own).sum())
        curvature += float(((shares * logits**2).sum(axis=1) - mean**2).sum())
    return slope, curvature
