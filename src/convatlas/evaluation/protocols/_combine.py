"""Protocols made of protocols: mirrored, at several scales, averaged."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from convatlas.data import Preprocessing
from convatlas.evaluation.protocols._form import Form, Misfit, check_numbers
from convatlas.evaluation.protocols._protocol import Protocol, Use

MAX_LEAVES = 64  # each decoded image is seen at least so often


@dataclass(frozen=True, slots=True)
class Flip(Protocol):
    """The views of `part` and their mirror images, averaged."""

    form: ClassVar[Form] = Form(
        name="flip",
        says="the views of a protocol, and each of them mirrored",
        source="Krizhevsky et al., NIPS 2012, section 4.1",
        has_part=True,
    )
    part: Protocol

    def __post_init__(self) -> None:
        twice = next((use.leaf for use in self.part.uses() if use.mirror), None)
        if twice is not None:
            raise Misfit(f"{twice.form.name} mirrors its views already; leave flip out", "part")

    def resolved(self, own: Preprocessing) -> "Flip":
        """With every size of the part said."""
        return Flip(self.part.resolved(own))

    def at(self, size: int | None) -> "Flip":
        """With the part at another size."""
        return Flip(self.part.at(size))

    def uses(self) -> Iterator[Use]:
        """The part's leaves, mirrored."""
        return (use._replace(mirror=True) for use in self.part.uses())


@dataclass(frozen=True, slots=True)
class MultiScale(Protocol):
    """The mean over images resized to several short sides."""

    form: ClassVar[Form] = Form(
        name="multi_scale",
        says="a protocol that has a resize, at several resized short sides",
        source="Simonyan and Zisserman, ICLR 2015, section 4.2",
        has_part=True,
        several="sizes",
    )
    part: Protocol
    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.sizes:
            raise Misfit("it needs sizes, as in multi_scale(single_crop, 256, 384)", "part")
        check_numbers("sizes", self.sizes)
        for size in self.sizes:
            self.part.at(size)
        if self.part.at(None) != self.part:
            raise Misfit("the resize comes from multi_scale's sizes; leave it out here", "part")
        _check_leaves(len(self.sizes) * sum(1 for _ in self.part.uses()), "sizes")

    def resolved(self, own: Preprocessing) -> "MultiScale":
        """With every size of the part said but its resize, which is in `sizes`."""
        parts = [self.part.at(size).resolved(own) for size in self.sizes]
        return MultiScale(parts[0].at(None), self.sizes)

    def at(self, size: int | None) -> Protocol:
        """Not possible: the sizes are its own.

        Raises:
            Misfit: always.
        """
        raise Misfit("multi_scale has its own sizes", "part")

    def uses(self) -> Iterator[Use]:
        """The part's leaves at each size."""
        for size in self.sizes:
            for use in self.part.at(size).uses():
                yield use._replace(share=use.share / len(self.sizes))


@dataclass(frozen=True, slots=True)
class Sum(Protocol):
    """The mean of the parts' probabilities; the parts of a sum inside become its own."""

    form: ClassVar[Form] = Form(
        name="a + b",
        says="the mean of the probabilities of several protocols",
        source="Simonyan and Zisserman, ICLR 2015, section 4.3",
    )
    parts: tuple[Protocol, ...]

    def __post_init__(self) -> None:
        parts = [p.parts if isinstance(p, Sum) else (p,) for p in self.parts]
        flat = tuple(part for inner in parts for part in inner)
        object.__setattr__(self, "parts", flat)
        if len(flat) < 2:
            raise Misfit("a sum needs two protocols at least", "parts")
        _check_leaves(sum(1 for part in flat for _ in part.uses()), "parts")

    def resolved(self, own: Preprocessing) -> "Sum":
        """With every size of the parts said."""
        return Sum(tuple(part.resolved(own) for part in self.parts))

    def at(self, size: int | None) -> "Sum":
        """With each part at another size."""
        return Sum(tuple(part.at(size) for part in self.parts))

    def uses(self) -> Iterator[Use]:
        """The leaves of all parts; every part counts the same."""
        for part in self.parts:
            for use in part.uses():
                yield use._replace(share=use.share / len(self.parts))

    def __str__(self) -> str:
        return " + ".join(map(str, self.parts))


def _check_leaves(count: int, field: str) -> None:
    if count > MAX_LEAVES:
        raise Misfit(f"{count} protocols in all; at most {MAX_LEAVES} are allowed", field)
