"""What a run has counted so far."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Steps and losses; together with the tensors it is the state between two steps."""

    step: int = 0  # steps done
    loss_sum: float = 0.0  # since the last line of the log
    loss_count: int = 0
    skipped: int = 0  # steps that moved no weight
    rollbacks: int = 0  # the learning rate was halved that often
