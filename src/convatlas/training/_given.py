"""The trained nets that a person gives a training: one to start from, one to learn from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from convatlas import bundle
from convatlas.bundle import Bundle
from convatlas.data import Preprocessing
from convatlas.models import Spec
from convatlas.training.transfer import (
    Donor,
    Start,
    Teacher,
    donor_of,
    graft,
    seen_as,
    start_from,
)

if TYPE_CHECKING:
    from convatlas.training._lesson import Lesson


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Nets that were trained before; None where a lesson names none."""

    donor: Donor | None = None
    teacher: Bundle | None = None

    @property
    def side(self) -> int | None:
        """Side of the images that the donor was trained on."""
        return None if self.donor is None else self.donor.preprocessing.side

    @property
    def crop_share(self) -> float | None:
        """Share of a resized image that the donor saw."""
        return None if self.donor is None else self.donor.preprocessing.crop_share

    def preprocessing(self, own: Preprocessing) -> Preprocessing:
        """`own`, as the donor's images were normalised: its layers expect such numbers."""
        return own if self.donor is None else seen_as(own, self.donor.preprocessing)

    def start(
        self,
        lesson: "Lesson",
        spec: Spec,
        classes: Sequence[str],
        say: Callable[[str], None],
    ) -> Mapping[str, Tensor] | None:
        """The tensors to start with, if any, saying what is taken over and what is new.

        Raises:
            UserError: if the donor does not fit.
        """
        if self.donor is None:
            return None
        made = graft if lesson.graft else start_from
        found = made(self.donor, lesson.variant, spec, classes, seed=lesson.seed)
        for line in _told(lesson, self.donor, found, spec):
            say(line)
        return found.tensors

    def teaching(self, classes: Sequence[str], images: Preprocessing) -> Teacher | None:
        """The teacher, if any, for images that without a donor would be prepared like this.

        Raises:
            UserError: if it does not know the classes or such images.
        """
        if self.teacher is None:
            return None
        return Teacher(self.teacher, classes, self.preprocessing(images))

    @property
    def history(self) -> tuple[dict[str, Any], ...]:
        """Rows for the history of the new bundle: each net by the SHA-256 of its weights."""
        rows = [] if self.donor is None else self.donor.history()
        if self.teacher is not None:
            info = self.teacher.info
            rows.append(
                {
                    "step": "distillation",
                    "teacher": self.teacher.path.name,
                    "net": info.variant,
                    "sha256": info.weights_sha256,
                }
            )
        return tuple(rows)


def given(lesson: "Lesson", out: Path) -> Given:
    """The nets that a lesson names, read.

    Raises:
        UserError: naming what cannot be read.
    """
    return Given(
        donor=None if lesson.start is None else donor_of(lesson.start, lesson.variant, out),
        teacher=None if lesson.teacher is None else bundle.load(Path(lesson.teacher)),
    )


def _told(lesson: "Lesson", donor: Donor, start: Start, spec: Spec) -> list[str]:
    """What a person should know of where the weights come from."""
    lines = [
        f"starts from {donor.asked} ({donor.info.variant}): {len(start.taken)} of "
        f"{len(start.tensors)} tensors; {start.head}"
    ]
    if lesson.graft:
        lines.append(f"grafted: {', '.join(start.taken)}")
    theirs = donor.preprocessing
    if theirs.channels != spec.in_channels:
        lines.append(
            "its first layer saw colours, the images are grey: filters are summed over the colours"
            if spec.in_channels == 1
            else "its first layer saw grey images: each colour has a third of its filters"
        )
    mean, std = (", ".join(f"{v:.3g}" for v in values) for values in (theirs.mean, theirs.std))
    lines.append(
        f"images are {spec.input_side} pixels a side"
        f"{', as there' if spec.input_side == theirs.side else f' (there {theirs.side})'}; "
        f"mean {mean} and std {std} are taken over"
    )
    return lines
