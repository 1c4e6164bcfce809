"""A printed error, and how the tables of this package are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Data = Literal[
    "imagenet", "cifar10", "cifar10+", "cifar100", "cifar100+", "svhn", "tiny imagenet", "mnist"
]
Errors = tuple[str | None, str | None]  # top-1 and top-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What one source prints of the errors of one variant.

    Errors are in percent, with the source's digits; where it prints accuracies, 100 less them.
    `data` with a "+" was trained with shifted and mirrored images. `protocol` begins with "single
    crop" where one crop of the middle was scored; other words: "10-crop", "144 crops", "dense",
    "multi-scale"; "crops not stated". `side` is that of the crop where it is not the variant's own.
    `paper` is the key of a `Paper`, or the name of the repository that prints the figure.
    """

    variant: str
    top1_error: str | None
    top5_error: str | None
    data: Data
    protocol: str
    paper: str
    where: str
    side: int | None = None

    @property
    def single_crop(self) -> bool:
        """Whether one crop was scored, not many."""
        return self.protocol.startswith("single crop")

    @property
    def source(self) -> str:
        """The paper's key and the place in it."""
        return f"{self.paper}, {self.where}"


def table(
    paper: str,
    where: str,
    data: Data,
    protocol: str,
    rows: Mapping[str, Errors | str],
    *,
    side: int | None = None,
) -> tuple[Published, ...]:
    """The rows of one printed table: variant to (top-1, top-5), or to the top-1 error alone."""
    return tuple(
        Published(
            variant=variant,
            top1_error=errors if isinstance(errors, str) else errors[0],
            top5_error=None if isinstance(errors, str) else errors[1],
            data=data,
            protocol=protocol,
            paper=paper,
            where=where,
            side=side,
        )
        for variant, errors in rows.items()
    )
