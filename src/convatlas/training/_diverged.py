"""Training that went to infinity, said so that the cause can be found."""

from collections.abc import Sequence
from typing import Any

from convatlas.errors import UserError

FILE = "diverged.json"
_NAMED = 8


class Diverged(UserError):
    """The loss or a weight is no longer finite; the last good checkpoint is kept."""

    def __init__(
        self, what: str, *, step: int, epoch: int, learning_rate: float, names: Sequence[str]
    ) -> None:
        shown = ", ".join(repr(name) for name in names[:_NAMED])
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        super().__init__(
            f"Training diverged: {what} at step {step} (epoch {epoch}, learning rate "
            f"{learning_rate:.3g}). Images of that step: {shown}{more} ({FILE} in the run's folder "
            "lists all). Look at them, or train in another folder with a lower learning_rate or "
            "with gradient_clip=1."
        )
        self.what = what
        self.step = step
        self.epoch = epoch
        self.learning_rate = learning_rate
        self.names = tuple(names)

    def as_dict(self) -> dict[str, Any]:
        """What happened, as JSON holds it."""
        return {
            "what": self.what,
            "step": self.step,
            "epoch": self.epoch,
            "learning_rate": self.learning_rate,
            "images": list(self.names),
        }
