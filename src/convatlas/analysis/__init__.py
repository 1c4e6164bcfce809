"""What a net costs, computed without running it."""

from convatlas.analysis._check import Checked, CheckedSlip, Outcome, check_facts, check_slips
from convatlas.analysis._cost import ITEM_BYTES, CostReport, CostRow, DType, cost, report_of
from convatlas.analysis._counting import CONVENTIONS
from convatlas.analysis._field import FieldGrid, Sides, field_grids
from convatlas.analysis._graph import Graph, Node, Shape
from convatlas.analysis._measure import Measured
from convatlas.analysis._shapes import pair, window_padding
from convatlas.analysis._shares import CostShare, by_stage, by_type
from convatlas.analysis._smallest import require_fit, smallest_side
from convatlas.analysis._stages import Stage, stages
from convatlas.analysis._trace import trace
from convatlas.analysis._weightless import without_weights
from convatlas.facts import Convention

__all__ = [
    "CONVENTIONS",
    "ITEM_BYTES",
    "Checked",
    "CheckedSlip",
    "Convention",
    "CostReport",
    "CostRow",
    "CostShare",
    "DType",
    "FieldGrid",
    "Graph",
    "Measured",
    "Node",
    "Outcome",
    "Shape",
    "Sides",
    "Stage",
    "by_stage",
    "by_type",
    "check_facts",
    "check_slips",
    "cost",
    "field_grids",
    "pair",
    "report_of",
    "require_fit",
    "smallest_side",
    "stages",
    "trace",
    "window_padding",
    "without_weights",
]
