"""The memory of a training step, computed without running it."""

from convatlas.analysis._layer import Conditions, StepKernels
from convatlas.analysis.training_memory._largest_batch import LargestBatch, largest_batch
from convatlas.analysis.training_memory._notes import HandSum, hand_sum
from convatlas.analysis.training_memory._optimizer import OPTIMIZERS, OptimizerName
from convatlas.analysis.training_memory._training_memory import (
    Autocast,
    TrainingMemory,
    training_memory,
)

__all__ = [
    "OPTIMIZERS",
    "Autocast",
    "Conditions",
    "HandSum",
    "LargestBatch",
    "OptimizerName",
    "StepKernels",
    "TrainingMemory",
    "hand_sum",
    "largest_batch",
    "training_memory",
]
