"""The doctor: which layers waste time or keep too little of the image, each with its figure."""

from convatlas.analysis.doctor._examine import CHECKS, Check, examine
from convatlas.analysis.doctor._finding import Affected, Diagnosis, Finding, Rule
from convatlas.analysis.doctor._machine import DEFAULT, Machine, Work
from convatlas.analysis.doctor._time import LayerTime

__all__ = [
    "CHECKS",
    "DEFAULT",
    "Affected",
    "Check",
    "Diagnosis",
    "Finding",
    "LayerTime",
    "Machine",
    "Rule",
    "Work",
    "examine",
]
