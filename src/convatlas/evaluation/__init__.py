"""How well a classifier does on images with known labels, every one counted exactly once."""

from convatlas.evaluation._evaluate import evaluate
from convatlas.evaluation._predictor import Predictor, predictor_of
from convatlas.evaluation._result import ClassScore, Evaluation, Mistake

__all__ = ["ClassScore", "Evaluation", "Mistake", "Predictor", "evaluate", "predictor_of"]
