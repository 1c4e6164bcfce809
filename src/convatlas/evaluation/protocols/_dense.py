"""The whole image at once."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from convatlas.data import Interpolation, Preprocessing
from convatlas.evaluation.protocols._canvas import Array, Canvas
from convatlas.evaluation.protocols._form import Form, Misfit, check_numbers
from convatlas.evaluation.protocols._protocol import Leaf, said


@dataclass(frozen=True, slots=True)
class Dense(Leaf):
    """The net slid over the whole image at each size: the mean (or maximum) of its class map.

    Logits are averaged over the map; softmax probabilities over mirror images and sizes. Left
    out, the size is what the net's crops are cut from.
    """

    form: ClassVar[Form] = Form(
        name="dense",
        says="the whole image at each size, mirrored too: the mean of the class map",
        source="Simonyan and Zisserman, ICLR 2015, section 3.2",
        several="sizes",
        choices={
            "reduce": ("mean", "max"),
            "flip": ("yes", "no"),
            "interpolation": ("bilinear", "bicubic"),
        },
    )
    sizes: tuple[int, ...] = ()
    reduce: Literal["mean", "max"] = "mean"
    flip: Literal["yes", "no"] = "yes"
    interpolation: Interpolation | None = None

    def __post_init__(self) -> None:
        check_numbers("sizes", self.sizes)

    @property
    def num_straight(self) -> int:
        """One at each size."""
        return len(self.sizes)

    @property
    def mirrored(self) -> bool:
        """As `flip` says."""
        return self.flip == "yes"

    @property
    def reduces(self) -> Literal["", "mean", "max"]:
        """As `reduce` says."""
        return self.reduce

    def resolved(self, own: Preprocessing) -> "Dense":
        """With the side that the net's crops are cut from.

        Raises:
            Misfit: if an image would be smaller than the net's input.
        """
        for size in self.sizes:
            if size < own.side:
                raise Misfit(
                    f"the net takes images of {own.side} and larger, so dense({size}) is too "
                    f"small; give at least {own.side}",
                    "sizes",
                )
        return replace(
            self,
            sizes=self.sizes or (own.stored_side,),
            interpolation=self.interpolation or own.interpolation,
        )

    def views(self, canvas: Canvas) -> list[Array]:
        """The image at each size."""
        interpolation: Interpolation = said(self.interpolation)
        return [canvas.whole(size, interpolation) for size in self.sizes]
