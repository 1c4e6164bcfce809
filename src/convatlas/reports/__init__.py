"""Pages made from results of the rooms below."""

from convatlas.reports._report import write_report

__all__ = ["write_report"]
