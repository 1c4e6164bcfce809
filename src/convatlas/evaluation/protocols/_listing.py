"""The protocols as a table, for help."""

from typing import NamedTuple

from convatlas.evaluation.protocols._combine import Sum
from convatlas.evaluation.protocols._parse import KINDS


class Listed(NamedTuple):
    """A row of help."""

    written: str  # how it is written, with everything that may be given
    says: str
    source: str


def listing() -> tuple[Listed, ...]:
    """Every kind of protocol, the sum last."""
    forms = [kind.form for kind in KINDS.values()]
    rows = [Listed(form.written, form.says, form.source) for form in forms]
    return (*rows, Listed(Sum.form.name, Sum.form.says, Sum.form.source))
