"""A printed figure, and whether a recomputed one agrees with its printed digits."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Literal

Verdict = Literal["exact", "rounds", "truncates", "differs"]
Quantity = Literal[
    "params",
    "weights",
    "mult_adds",
    "connections",
    "size_bytes",
    "activation_bytes",
    "layers",
    "channels",
    "side",
    "mult_adds_percent",
    "weights_percent",
]
Convention = Literal["conv+linear", "with bias", "all operators", "doubled", "condensenet", "thop"]
COUNTED_ONE_BY_ONE = frozenset({"layers", "channels", "side"})  # 60 is 60, and not about 60


@dataclass(frozen=True, slots=True)
class Paper:
    """Where figures come from: a paper, or the code its authors released."""

    key: str  # He2016
    title: str
    venue: str
    link: str  # arXiv number, DOI, or the authors' repository


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure of one variant, as its source prints it.

    `printed` is the source's own string in plain or scientific notation ("3.86e9", "60000"), its
    digits being the precision that is compared. "params" are all that is learned but auxiliary
    heads; "weights" only tensors of two and more dimensions: no bias, no batch norm.
    "activation_bytes" are float32 for the image and every map or vector that has a place of its own
    in memory (an activation in place has none); "channels" and "side" are those of what a part puts
    out. `part` names a submodule ("stages.fire2") when the figure is of a part; of the percentages
    it names a kind of layer: "linear", "1x1", "grouped 3x3", "depthwise 3x3". `input_side` is the
    image side when it is not the variant's own. `convention` says what the source counts as
    "mult_adds" (`analysis.CONVENTIONS` has the words), `unit` what it counts by, a power of two:
    2**20 where its "MB" are that many bytes. `because` says why a recomputed figure cannot agree,
    and is required for verdict "differs"; `open`: no cause is known, and it says what was tried.
    """

    variant: str
    quantity: Quantity
    printed: str
    paper: Paper
    where: str
    because: str = ""
    part: str = ""
    input_side: int | None = None
    unit: int = 1
    convention: Convention = "conv+linear"
    open: bool = False

    def verdict(self, measured: int | float) -> Verdict:
        """How `measured` relates to the printed digits."""
        if self.quantity in COUNTED_ONE_BY_ONE:
            return "exact" if measured == int(self.printed) else "differs"
        return compare(self.printed, measured / self.unit if self.unit > 1 else measured)


def compare(printed: str, measured: int | float) -> Verdict:
    """How `measured` relates to the digits of `printed`.

    "exact": equal. "rounds": equal once rounded half up to the printed precision. "truncates":
    equal once cut there. Else "differs".

    A plain integer's trailing zeros are taken as not significant ("60000" has one digit); write
    "6.0000e4" to claim five.
    """
    value = Decimal(printed)
    if value == Decimal(str(measured)):
        return "exact"
    mantissa = printed.lower().split("e")[0]
    exponent = value.as_tuple().exponent
    unit = Decimal(1).scaleb(int(exponent))
    if "." not in mantissa and "e" not in printed.lower():
        digits = mantissa.rstrip("0")
        unit = Decimal(1).scaleb(len(mantissa) - len(digits))
    exact = Decimal(str(measured)) / unit
    if exact.quantize(Decimal(1), ROUND_HALF_UP) * unit == value:
        return "rounds"
    if exact.quantize(Decimal(1), ROUND_DOWN) * unit == value:
        return "truncates"
    return "differs"
