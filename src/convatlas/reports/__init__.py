"""Pages made from results of the rooms below."""

from convatlas.reports._cost_page import write_cost_comparison
from convatlas.reports._evaluation import EvaluationReport, write_evaluation
from convatlas.reports._excitation import write_excitation
from convatlas.reports._net_cost import NetCost
from convatlas.reports._report import write_report

__all__ = [
    "EvaluationReport",
    "NetCost",
    "write_cost_comparison",
    "write_evaluation",
    "write_excitation",
    "write_report",
]
