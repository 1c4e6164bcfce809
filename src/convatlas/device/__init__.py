"""This device: what runs nets on it, how long they take there, how much memory."""

from convatlas.device._machine import machine
from convatlas.device._memory import measure_memory
from convatlas.device._model import Model, open_model
from convatlas.device._onnx_file import onnx_shape
from convatlas.device._robustness import robustness_of
from convatlas.device._roofline import measured_machine
from convatlas.device._runtime import Session, open_runtime, pick_runtime, runtimes
from convatlas.device._scored_models import Conditions, ScoredModels, score_models
from convatlas.device._ship import ship
from convatlas.device._timing import Timing, time_sessions
from convatlas.device._units import bytes_of, format_bytes, format_seconds, seconds_of

__all__ = [
    "Conditions",
    "Model",
    "ScoredModels",
    "Session",
    "Timing",
    "bytes_of",
    "format_bytes",
    "format_seconds",
    "machine",
    "measure_memory",
    "measured_machine",
    "onnx_shape",
    "open_model",
    "open_runtime",
    "pick_runtime",
    "robustness_of",
    "runtimes",
    "score_models",
    "seconds_of",
    "ship",
    "time_sessions",
]
