"""How well a classifier does on images with known labels, every one counted exactly once."""

from convatlas.evaluation._class_map import ClassMapper, class_map_of
from convatlas.evaluation._evaluate import evaluate
from convatlas.evaluation._field_grid import FieldGrid
from convatlas.evaluation._fully_convolutional import FullyConvolutional, to_fully_convolutional
from convatlas.evaluation._heatmap import METHODS, Heatmap, Heatmapper
from convatlas.evaluation._overlay import overlay
from convatlas.evaluation._placement import Placement
from convatlas.evaluation._predictor import Predictor, predictor_of
from convatlas.evaluation._result import ClassScore, Evaluation, Mistake

__all__ = [
    "METHODS",
    "ClassMapper",
    "ClassScore",
    "Evaluation",
    "FieldGrid",
    "FullyConvolutional",
    "Heatmap",
    "Heatmapper",
    "Mistake",
    "Placement",
    "Predictor",
    "class_map_of",
    "evaluate",
    "overlay",
    "predictor_of",
    "to_fully_convolutional",
]
