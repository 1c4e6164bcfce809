"""Pages made from results of the rooms below."""

from convatlas.reports._cost_page import write_cost_comparison
from convatlas.reports._evaluation import EvaluationReport, pictured, write_evaluation
from convatlas.reports._excitation import write_excitation
from convatlas.reports._net_cost import NetCost
from convatlas.reports._rate import write_rate_test
from convatlas.reports._report import write_report
from convatlas.reports._shell import check_page
from convatlas.reports._training import write_training

__all__ = [
    "EvaluationReport",
    "NetCost",
    "check_page",
    "pictured",
    "write_cost_comparison",
    "write_evaluation",
    "write_excitation",
    "write_rate_test",
    "write_report",
    "write_training",
]
