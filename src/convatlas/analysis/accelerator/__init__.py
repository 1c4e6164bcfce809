"""Cycles and relative energy of a net on an array of processing elements."""

from convatlas.analysis.accelerator._machine import (
    LEFT_OUT,
    MAPPINGS,
    PRESETS,
    Accelerator,
    Energy,
    Mapping,
    parse_accelerator,
)
from convatlas.analysis.accelerator._simulate import AcceleratorReport, LayerRun, simulate

__all__ = [
    "LEFT_OUT",
    "MAPPINGS",
    "PRESETS",
    "Accelerator",
    "AcceleratorReport",
    "Energy",
    "LayerRun",
    "Mapping",
    "parse_accelerator",
    "simulate",
]
