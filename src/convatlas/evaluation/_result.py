"""What an evaluation found."""

from dataclasses import asdict, dataclass
from typing import Any

from convatlas.data import Unreadable
from convatlas.evaluation.metrics._calibration import Reliability
from convatlas.evaluation.metrics._confused import ConfusedPair
from convatlas.evaluation.metrics._curves import ClassCurves
from convatlas.evaluation.metrics._intervals import Interval
from convatlas.evaluation.metrics._top_k import TopKError
from convatlas.evaluation.protocols import POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """One class: `precision` and `recall` are shares of 1, None where nothing was counted."""

    name: str
    n: int  # images of this class
    precision: float | None  # of the images taken for this class, the share that are of it
    recall: float | None  # of the images of this class, the share found


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One image given another class than its own."""

    index: int
    name: str
    truth: str
    predicted: str
    confidence: float  # softmax probability of the predicted class


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Scores of one net on one set of images.

    `confusion` has a row per true class; it is empty above 1,000 classes. `calibration_error` is
    the expected calibration error with 15 bins of equal width, as a share of 1.

    What follows `mistakes` is there when a set of scores was evaluated, and empty when a net was
    scored in passing, as training does.

    Source of the calibration error: Guo et al., ICML 2017 (arXiv:1706.04599), Eq. 3.
    """

    protocol: str
    n: int
    top1_error: float  # percent
    top5_error: float | None  # percent; None up to five classes
    loss: float  # mean cross-entropy, nats
    calibration_error: float
    confusion: tuple[tuple[int, ...], ...]
    per_class: tuple[ClassScore, ...]
    mistakes: tuple[Mistake, ...]  # most confident first, at most 64
    model: str = ""
    unreadable: tuple[Unreadable, ...] = ()  # not among the n
    top_k: tuple[TopKError, ...] = ()
    loss_interval: Interval | None = None
    reliability: Reliability | None = None
    confused: tuple[ConfusedPair, ...] = ()  # most frequent first
    curves: tuple[ClassCurves, ...] = ()  # up to 20 classes

    @property
    def accuracy(self) -> float:
        """Percent of the images whose class was found."""
        return 100.0 - self.top1_error

    def as_dict(self) -> dict[str, Any]:
        """The fields and the accuracy as JSON values."""
        return {
            "protocol": self.protocol,
            "n": self.n,
            "accuracy": self.accuracy,
            "top1_error": self.top1_error,
            "top5_error": self.top5_error,
            "loss": self.loss,
            "calibration_error": self.calibration_error,
            "confusion": [list(row) for row in self.confusion],
            "per_class": [asdict(score) for score in self.per_class],
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
            **(self._more() if self.top_k else {}),
        }

    def _more(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "policy": POLICY,
            "unreadable": [asdict(file) for file in self.unreadable],
            "top_k": [asdict(score) for score in self.top_k],
            "loss_interval": asdict(self.loss_interval) if self.loss_interval else None,
            "reliability": asdict(self.reliability) if self.reliability else None,
            "confused": [asdict(pair) for pair in self.confused],
            "curves": [asdict(curve) for curve in self.curves],
        }
