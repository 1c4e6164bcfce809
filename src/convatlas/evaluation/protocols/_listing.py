"""The protocols as a table, for help."""

from typing import NamedTuple

from convatlas.evaluation.protocols._combine import Sum
from convatlas.evaluation.protocols._parse import KINDS

OPTIONS = {
    "resize": "pixels of the short side before crops are cut",
    "crop": "pixels of the crops' sides",
    "interpolation": "bilinear or bicubic, both antialiased",
    "area": "square or whole: crops from the central square of the resized image or from all",
    "average": "probabilities or logits: what is averaged over the crops",
    "grid": "crops in a row and in a column: 5 if left out",
    "reduce": "mean or max: what becomes of the class map",
    "flip": "yes or no: whether the image is seen mirrored too",
}


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
