"""How a protocol is written: its name, and what may stand between its brackets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from convatlas.data import MAX_SIDE
from convatlas.errors import UserError

MAX_NUMBERS = 32  # sizes of one protocol
Choices = Mapping[str, tuple[str, ...]]


class Misfit(UserError):
    """Values that do not go together; `field` is the one to look at."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of one kind of protocol, and what it is, for people."""

    name: str
    says: str
    source: str
    has_part: bool = False  # the first argument is a protocol: field `part`
    in_order: tuple[str, ...] = ()  # numbers that may be given without their names
    several: str = ""  # or this field takes all numbers that have none
    by_name: tuple[str, ...] = ()  # numbers that need theirs
    choices: Choices = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that `name=value` may give."""
        return (*self.in_order, *self.by_name, *self.choices)

    @property
    def written(self) -> str:
        """As help prints it: `multi_crop(SIZE..., crop=, grid=)`."""
        first = ["PROTOCOL"] * self.has_part + ["SIZE..."] * bool(self.several)
        return f"{self.name}({', '.join([*first, *(f'{name}=' for name in self.names)])})"


def check_numbers(name: str, values: tuple[int | None, ...], *, most: int = MAX_SIDE) -> None:
    """Refuse what is not a size.

    Raises:
        Misfit: naming the field.
    """
    if len(values) > MAX_NUMBERS:
        raise Misfit(f"{len(values)} numbers; at most {MAX_NUMBERS} are allowed", name)
    for value in values:
        if value is not None and (type(value) is not int or not 1 <= value <= most):
            raise Misfit(f"{name}={value!r}; it must be a whole number, 1 to {most}", name)
    if len(set(values)) < len(values):
        raise Misfit("a size is given twice; each counts once", name)


def check_crop(crop: int | None, sizes: tuple[int | None, ...], field: str) -> None:
    """Refuse a crop that is larger than a resized image.

    Raises:
        Misfit: naming the field of the sizes.
    """
    for size in sizes:
        if crop is not None and size is not None and size < crop:
            raise Misfit(
                f"a crop of {crop} does not fit into an image whose short side is {size}; "
                f"give at least {crop}, or a smaller crop",
                field,
            )
