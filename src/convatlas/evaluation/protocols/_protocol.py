"""What a protocol is: a tree whose leaves say which parts of an image a net sees."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import ClassVar, Literal, NamedTuple, TypeVar

from convatlas.data import Preprocessing
from convatlas.evaluation.protocols._canvas import Array, Canvas
from convatlas.evaluation.protocols._form import Form, Misfit

Value = TypeVar("Value")


class Use(NamedTuple):
    """A leaf's part in the whole protocol."""

    leaf: "Leaf"
    share: float  # of the image's probabilities; all shares sum to 1
    mirror: bool  # whether every view is seen a second time, mirrored

    @property
    def num_views(self) -> int:
        """Inputs that a net sees of each image."""
        return self.leaf.num_straight * (2 if self.mirror else 1)


@dataclass(frozen=True, slots=True)
class Protocol(ABC):
    """From an image to the probabilities of its classes: views, and how they are averaged.

    `str(protocol)` is its canonical text, and `parse` of that text gives an equal protocol.
    """

    form: ClassVar[Form]

    @abstractmethod
    def resolved(self, own: Preprocessing) -> "Protocol":
        """With everything said that was left out: as `own`, a net's preprocessing, has it.

        Raises:
            Misfit: if sizes do not fit the net's.
        """

    @abstractmethod
    def at(self, size: int | None) -> "Protocol":
        """With images resized to another short side; None leaves it out.

        Raises:
            Misfit: if it has several sizes.
        """

    @abstractmethod
    def uses(self) -> Iterator[Use]:
        """The leaves, from left to right."""

    @property
    def num_views(self) -> int:
        """Inputs that a net sees of each image; of a resolved protocol."""
        return sum(use.num_views for use in self.uses())

    def __str__(self) -> str:
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        written = [str(values["part"][0])] if self.form.has_part else []
        if self.form.several:
            written += map(str, values[self.form.several][0])
        for name in self.form.names:
            value, default = values[name]
            if value != default or default is MISSING:
                written.append(f"{name}={value}")
        return f"{self.form.name}({', '.join(written)})" if written else self.form.name


def said(value: Value | None) -> Value:
    """A field of a resolved protocol.

    Raises:
        RuntimeError: if it was left out.
    """
    if value is None:
        raise RuntimeError("only a resolved protocol has views")
    return value


class Leaf(Protocol):
    """Views of one image, each of which counts the same."""

    __slots__ = ()

    @property
    @abstractmethod
    def num_straight(self) -> int:
        """Views of each image that are not mirrored; of a resolved leaf."""

    @property
    def mirrored(self) -> bool:
        """Whether every view is seen a second time, mirrored."""
        return True

    @property
    def side(self) -> int | None:
        """Side of its square views; None if they are whole images."""
        return None

    @property
    def averages_logits(self) -> bool:
        """Whether logits are averaged over its views, and softmax taken last."""
        return False

    @property
    def reduces(self) -> Literal["", "mean", "max"]:
        """What becomes of its class map; "" if each view gives one row of logits."""
        return ""

    @abstractmethod
    def views(self, canvas: Canvas) -> list[Array]:
        """The views, each [h, w, c]; without the mirrored ones."""

    def at(self, size: int | None) -> Protocol:
        """Not possible for a leaf that takes its sizes itself.

        Raises:
            Misfit: always.
        """
        raise Misfit(f"{self.form.name} takes its sizes itself: {self.form.name}(256, 384)", "part")

    def uses(self) -> Iterator[Use]:
        """Itself."""
        yield Use(self, 1.0, self.mirrored)
