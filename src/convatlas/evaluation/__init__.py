"""How well a classifier does on images with known labels, every one counted exactly once."""

from convatlas.analysis import FieldGrid
from convatlas.evaluation._class_map import ClassMapper, class_map_of
from convatlas.evaluation._classify import Classified, classify
from convatlas.evaluation._evaluate import evaluate
from convatlas.evaluation._evaluation_of import evaluation_of
from convatlas.evaluation._excitation import (
    Excitation,
    ExcitationBlock,
    excitation,
    excitation_blocks,
)
from convatlas.evaluation._fully_convolutional import FullyConvolutional, to_fully_convolutional
from convatlas.evaluation._heatmap import METHODS, Heatmap, Heatmapper
from convatlas.evaluation._heatmap_files import HeatmapFiles
from convatlas.evaluation._near_duplicates import (
    NearDuplicate,
    NearDuplicates,
    error_without,
    near_duplicates,
)
from convatlas.evaluation._overlay import overlay
from convatlas.evaluation._pictures import pictures_of
from convatlas.evaluation._placement import Placement
from convatlas.evaluation._predictions import saver
from convatlas.evaluation._predictor import Predictor, predictor_of
from convatlas.evaluation._presets import PRESETS, preset
from convatlas.evaluation._processes import Scorer, Told
from convatlas.evaluation._result import ClassScore, Evaluation, Mistake
from convatlas.evaluation._robustness import Robustness, RobustnessCurve, robustness
from convatlas.evaluation._runs import Contestant, ensemble_of, numbered_for, scored_by
from convatlas.evaluation._score import Scores, score, score_all
from convatlas.evaluation._scored import Scored
from convatlas.evaluation._scoring_model import ClassMap, ScoringModel
from convatlas.evaluation._store import Piece
from convatlas.evaluation._views import Plan, plan
from convatlas.evaluation.metrics import (
    Calibration,
    Comparison,
    Slices,
    Temperature,
    at_temperature,
    calibrated,
    check_slices,
    compare,
    fit_temperature,
    read_attributes,
    slices,
)

__all__ = [
    "METHODS",
    "PRESETS",
    "Calibration",
    "ClassMap",
    "ClassMapper",
    "ClassScore",
    "Classified",
    "Comparison",
    "Contestant",
    "Evaluation",
    "Excitation",
    "ExcitationBlock",
    "FieldGrid",
    "FullyConvolutional",
    "Heatmap",
    "HeatmapFiles",
    "Heatmapper",
    "Mistake",
    "NearDuplicate",
    "NearDuplicates",
    "Piece",
    "Placement",
    "Plan",
    "Predictor",
    "Robustness",
    "RobustnessCurve",
    "Scored",
    "Scorer",
    "Scores",
    "ScoringModel",
    "Slices",
    "Temperature",
    "Told",
    "at_temperature",
    "calibrated",
    "check_slices",
    "class_map_of",
    "classify",
    "compare",
    "ensemble_of",
    "error_without",
    "evaluate",
    "evaluation_of",
    "excitation",
    "excitation_blocks",
    "fit_temperature",
    "near_duplicates",
    "numbered_for",
    "overlay",
    "pictures_of",
    "plan",
    "predictor_of",
    "preset",
    "read_attributes",
    "robustness",
    "saver",
    "score",
    "score_all",
    "scored_by",
    "slices",
    "to_fully_convolutional",
]
