"""A figure or a sentence that is wrong where it stands, beside the right one."""

from dataclasses import dataclass

from convatlas.facts._fact import Convention, Quantity


@dataclass(frozen=True, slots=True)
class Count:
    """The right figure, to be counted on a variant each time it is shown."""

    variant: str
    quantity: Quantity
    part: str = ""
    input_side: int | None = None
    convention: Convention = "conv+linear"


@dataclass(frozen=True, slots=True)
class Slip:
    """What a text says, what is right, and how one knows.

    `right` is counted on a net where a net has it. `subject` says what the figure is of.
    """

    where: str
    subject: str
    printed: str
    right: str | Count
    why: str
