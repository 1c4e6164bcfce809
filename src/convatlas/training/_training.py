"""A run under way: steps, log, validations and checkpoints, in an order that can be taken up again.

Between two steps the state is whole. A checkpoint says how many steps are done; what is due after
that many (a line of the log, a validation, the next step) follows from it and from the log.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from convatlas.files import write_json
from convatlas.training._batches import Batch, Batches, prefetched
from convatlas.training._checkpoint import Position, save_checkpoint
from convatlas.training._clock import Clock
from convatlas.training._diverged import FILE, Diverged
from convatlas.training._learner import Learner
from convatlas.training._log import Log
from convatlas.training._optimizer import learning_rate
from convatlas.training._stopping import Stop, Stopped, stopping
from convatlas.training._surroundings import Reporter
from convatlas.training._validation import Validation

_LINES = 100  # of the log in a run


@dataclass(slots=True)
class Tally:
    """What a run has counted so far."""

    step: int = 0  # steps done
    loss_sum: float = 0.0  # since the last line of the log
    loss_count: int = 0


@dataclass(slots=True, kw_only=True)
class Training:
    """One run in one process, from where `tally` says to the end."""

    learner: Learner
    batches: Batches
    validation: Validation | None
    run: Path
    digest: str
    log: Log
    tally: Tally
    clock: Clock
    reporter: Reporter
    saved_step: int = 0  # a run without a step has nothing to save

    def to_the_end(self) -> None:
        """Do the steps that are left.

        Raises:
            KeyboardInterrupt: after SIGINT, or when a callback raised it; all is on disk then.
            SystemExit: with 143 after SIGTERM, likewise.
            Diverged: when the loss or a weight is not finite.
            UserError: when the disk is full.
        """
        with stopping() as stop:
            try:
                self._go(stop)
            except (Stopped, KeyboardInterrupt):
                if not stop.at_once:
                    self._save()
                raise stop.outcome() from None

    def _go(self, stop: Stop) -> None:
        steps = self.learner.recipe.steps
        self._validate(stop)
        with prefetched(self.batches.make, range(self.tally.step, steps)) as batches:
            self.clock.start()
            for batch in batches:
                stop.check()
                self._step(batch)
                self._validate(stop)
                if self.clock.checkpoint_is_due() or self.tally.step == steps:
                    self._save()
                self.reporter("training", self.tally.step, steps)
                self.clock.start()
        stop.check()

    def _step(self, batch: Batch) -> None:
        tally = self.tally
        loss = self.learner.learn(tally.step, batch.images, batch.labels)
        tally.step += 1
        if not math.isfinite(loss):
            raise self._diverged(f"the loss is {loss}")
        tally.loss_sum += loss
        tally.loss_count += 1
        self.clock.lap(len(batch.labels))
        if _log_is_due(tally.step, self.learner.recipe.steps):
            self.log.append(
                "training",
                {
                    "step": tally.step,
                    "epoch": round(self.batches.epochs(tally.step), 3),
                    "loss": tally.loss_sum / tally.loss_count,
                    "learning_rate": learning_rate(self.learner.recipe, tally.step - 1),
                    "images_per_s": round(self.clock.images_per_s(), 1),
                },
            )
            tally.loss_sum, tally.loss_count = 0.0, 0

    def _validate(self, stop: Stop) -> None:
        """Score the averaged weights, if that is due and not in the log."""
        step = self.tally.step
        if self.validation is None or not self.validation.due(step):
            return
        if any(entry["step"] == step for entry in self.log.of("validation")):
            return
        self.log.append("validation", self.validation.score(self.learner.average.net, step, stop))

    def _save(self) -> None:
        """Write the checkpoint, unless it is there; weights that are not finite never are."""
        if self.tally.step == self.saved_step:
            return
        if not self.learner.is_finite():
            raise self._diverged("a weight is not finite")
        self.log.flush()
        with self.clock.saving():
            position = Position(
                step=self.tally.step,
                digest=self.digest,
                threads=torch.get_num_threads(),
                log_offset=self.log.offset,
                loss_sum=self.tally.loss_sum,
                loss_count=self.tally.loss_count,
                seconds=self.clock.seconds,
            )
            save_checkpoint(self.run, position, self.learner.tensors())
        self.saved_step = position.step

    def _diverged(self, what: str) -> Diverged:
        """Of the last step done; its batch is made again from its number."""
        step = self.tally.step
        error = Diverged(
            what,
            step=step,
            epoch=int(self.batches.epochs(step - 1)) + 1,
            learning_rate=learning_rate(self.learner.recipe, step - 1),
            names=self.batches.names(step - 1),
        )
        write_json(self.run / FILE, error.as_dict())
        return error


def _log_is_due(step: int, steps: int) -> bool:
    """Whether `step` steps done end an interval of the log."""
    return step * _LINES // steps > (step - 1) * _LINES // steps
