"""The state of a run on disk: its checkpoints, and the one that it can go back to."""

from dataclasses import dataclass
from pathlib import Path

import torch

from convatlas.training._checkpoint import Position, load_good, save_checkpoint, save_good
from convatlas.training._clock import Clock
from convatlas.training._learner import Learner
from convatlas.training._log import Log
from convatlas.training._tally import Tally
from convatlas.training._world import World

_LOG = "log"
_GOOD = 10  # states to go back to in a run, beside its beginning


@dataclass(slots=True, kw_only=True)
class Keeper:
    """Saves and takes back what a run's next step depends on; only the leader's writes."""

    run: Path
    digest: str
    learner: Learner
    log: Log
    tally: Tally
    clock: Clock
    world: World
    saved: tuple[int, int] = (0, 0)  # step and length of the log; a run begins with nothing to save

    def save(self) -> None:
        """Write the checkpoint, unless it is there.

        Raises:
            UserError: if the disk is full; the last checkpoint is kept.
        """
        now = self.tally.step, self.log.offset
        if now == self.saved or not self.world.leader:
            return
        self.log.flush()
        with self.clock.saving():
            save_checkpoint(self.run, self._position(), self.learner.tensors())
        self.saved = now

    def keep_good(self) -> None:
        """At the beginning and at ten fixed steps of a run that may have to go back there.

        With the log as it is then: the lines that follow may be others by the time it is needed.
        """
        step, steps = self.tally.step, self.learner.recipe.steps
        due = step * _GOOD // steps > (step - 1) * _GOOD // steps
        if self.learner.recipe.on_not_finite == "roll_back" and due and self.world.leader:
            log = torch.frombuffer(bytearray(self.log.content or b"\n"), dtype=torch.uint8)
            save_good(self.run, self._position(), {**self.learner.tensors(), _LOG: log})

    def go_back(self) -> Position | None:
        """Take back the last good state and the log that belongs to it; None if there is none."""
        loaded = load_good(self.run) if self.world.leader else None
        if loaded is not None and loaded[0].digest != self.digest:
            loaded = None
        position = self.world.sent(loaded[0] if loaded else None)
        if position is None:
            return None
        tensors = self.world.sent_tensors(loaded[1] if loaded else None)
        self.log.rewrite(bytes(tensors.pop(_LOG).tolist())[: position.log_offset])
        self.learner.restore(tensors)
        tally = self.tally
        tally.step, tally.skipped = position.step, position.skipped
        tally.loss_sum, tally.loss_count = position.loss_sum, position.loss_count
        self.saved = (-1, 0)
        return position

    def _position(self) -> Position:
        return Position(
            step=self.tally.step,
            digest=self.digest,
            threads=torch.get_num_threads(),
            processes=self.world.size,
            micro_batches=self.learner.micro_batches,
            rollbacks=self.tally.rollbacks,
            skipped=self.tally.skipped,
            log_offset=self.log.offset,
            loss_sum=self.tally.loss_sum,
            loss_count=self.tally.loss_count,
            seconds=self.clock.seconds,
        )
