"""Training: recipes, the loop, exact resume.

A run's weights are a function of its settings alone: it may be stopped or killed at any moment and
taken up again without a difference in a single bit.
"""

from convatlas.training._default import default_recipe
from convatlas.training._diverged import Diverged
from convatlas.training._learner import Learner, has_norm
from convatlas.training._lesson import Lesson, bundle_info, recipe_for, teach
from convatlas.training._loop import train
from convatlas.training._recipe import Recipe
from convatlas.training._result import TrainingResult
from convatlas.training._throughput import Pace, pace, throughput

__all__ = [
    "Diverged",
    "Learner",
    "Lesson",
    "Pace",
    "Recipe",
    "TrainingResult",
    "bundle_info",
    "default_recipe",
    "has_norm",
    "pace",
    "recipe_for",
    "teach",
    "throughput",
    "train",
]
