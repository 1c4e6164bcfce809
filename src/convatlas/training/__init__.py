"""Training: recipes, the loop, exact resume, many processes.

A run's weights are a function of its settings alone: it may be stopped or killed at any moment and
taken up again without a difference in a single bit.
"""

from convatlas.training._account import account
from convatlas.training._changes import read_changes
from convatlas.training._diverged import Diverged
from convatlas.training._dry_run import DryRun, dry_run
from convatlas.training._events import event_counts, event_line
from convatlas.training._learner import Learner, has_norm
from convatlas.training._lesson import Lesson, bundle_info, teach
from convatlas.training._loop import train
from convatlas.training._monitor import Monitor, Status
from convatlas.training._named import Length, NamedRecipe, Situation
from convatlas.training._overfit import Overfit, overfit
from convatlas.training._pace_log import read_pace
from convatlas.training._plan import recipe_for
from convatlas.training._precision import PrecisionTimes, precision_that_pays
from convatlas.training._range_test import RULE as RATE_RULE
from convatlas.training._range_test import RateTest, find_rate
from convatlas.training._recipe import Recipe
from convatlas.training._record import Record, read_record
from convatlas.training._result import TrainingResult
from convatlas.training._situation import situation_of
from convatlas.training._tensorboard import TensorBoard
from convatlas.training._throughput import Pace, pace, throughput
from convatlas.training._world import World, joined

__all__ = [
    "RATE_RULE",
    "Diverged",
    "DryRun",
    "Learner",
    "Length",
    "Lesson",
    "Monitor",
    "NamedRecipe",
    "Overfit",
    "Pace",
    "PrecisionTimes",
    "RateTest",
    "Recipe",
    "Record",
    "Situation",
    "Status",
    "TensorBoard",
    "TrainingResult",
    "World",
    "account",
    "bundle_info",
    "dry_run",
    "event_counts",
    "event_line",
    "find_rate",
    "has_norm",
    "joined",
    "overfit",
    "pace",
    "precision_that_pays",
    "read_changes",
    "read_pace",
    "read_record",
    "recipe_for",
    "situation_of",
    "teach",
    "throughput",
    "train",
]
