"""Scores of classified images, with how far each may be off by chance."""

from convatlas.evaluation.metrics._attributes import read_attributes
from convatlas.evaluation.metrics._calibration import Reliability, ReliabilityBin, reliability
from convatlas.evaluation.metrics._compare import Change, ClassChange, Comparison, Side, compare
from convatlas.evaluation.metrics._confused import ConfusedPair, confused_pairs
from convatlas.evaluation.metrics._curves import ClassCurves, class_curves
from convatlas.evaluation.metrics._intervals import (
    Interval,
    difference_interval,
    error_interval,
    mean_interval,
)
from convatlas.evaluation.metrics._mcnemar import holm, mcnemar
from convatlas.evaluation.metrics._slices import Slice, SlicedColumn, Slices, check_slices, slices
from convatlas.evaluation.metrics._temperature import (
    Calibration,
    Temperature,
    at_temperature,
    calibrated,
    fit_temperature,
)
from convatlas.evaluation.metrics._top_k import TopKError, top_k_errors

__all__ = [
    "Calibration",
    "Change",
    "ClassChange",
    "ClassCurves",
    "Comparison",
    "ConfusedPair",
    "Interval",
    "Reliability",
    "ReliabilityBin",
    "Side",
    "Slice",
    "SlicedColumn",
    "Slices",
    "Temperature",
    "TopKError",
    "at_temperature",
    "calibrated",
    "check_slices",
    "class_curves",
    "compare",
    "confused_pairs",
    "difference_interval",
    "error_interval",
    "fit_temperature",
    "holm",
    "mcnemar",
    "mean_interval",
    "read_attributes",
    "reliability",
    "slices",
    "top_k_errors",
]
