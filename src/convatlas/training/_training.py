"""A run under way: steps, log, validations and checkpoints, in an order that can be taken up again.

Between two steps the state is whole. A checkpoint says how many steps are done; what is due after
that many (a line of the log, a validation, the next step) follows from it and from the log. Of many
processes all do the same steps and agree between them on what comes next; the leader writes.
"""

import math
from dataclasses import dataclass
from typing import Any

from convatlas.files import write_json
from convatlas.training._batches import Batch, Batches, prefetched
from convatlas.training._clock import Clock
from convatlas.training._diverged import FILE, Diverged
from convatlas.training._keeper import Keeper
from convatlas.training._learner import Learner
from convatlas.training._log import Log
from convatlas.training._monitor import Monitor, Status, peak_memory_bytes
from convatlas.training._pace_log import PaceLog
from convatlas.training._schedule import learning_rate, plateau_decays
from convatlas.training._stopping import Stop, Stopped, stopping
from convatlas.training._surroundings import Reporter
from convatlas.training._tally import Tally
from convatlas.training._validation import Validation
from convatlas.training._world import World

_LINES = 100  # of the log in a run
_ROLLBACKS = 5  # in a run; more do not help
_SKIPPED_SHARE = 0.05  # of the steps done, and 20 more: if as many are skipped, the run diverged


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What all processes know of a step once its gradients are there."""

    loss: float  # mean over the batch
    finite: bool
    stop: bool
    save: bool


class _WentBack(Exception):
    """The state is that of an earlier step."""


@dataclass(slots=True, kw_only=True)
class Training:
    """One run in one process, from where `tally` says to the end."""

    learner: Learner
    batches: Batches
    validation: Validation | None
    keeper: Keeper
    log: Log
    tally: Tally
    clock: Clock
    reporter: Reporter
    world: World
    monitor: Monitor | None = None

    def to_the_end(self) -> None:
        """Do the steps that are left.

        Raises:
            KeyboardInterrupt: after SIGINT, or when a callback raised it; all is on disk then.
            SystemExit: with 143 after SIGTERM, likewise, here or in another process.
            Diverged: when the loss or a weight is not finite.
            UserError: when the disk is full.
        """
        with stopping() as stop:
            try:
                while not self._arrived(stop):
                    pass
            except Stopped:
                self._save()
                raise stop.outcome() from None
            except KeyboardInterrupt:
                if not stop.at_once:
                    self._save()
                raise

    def _arrived(self, stop: Stop) -> bool:
        """Go on to the end; False when the run went back, and its next batches are others."""
        steps = self.learner.recipe.steps
        self._validate(stop)
        self.keeper.keep_good()
        with prefetched(self.batches.make, range(self.tally.step, steps)) as batches:
            self.clock.start()
            for batch in batches:
                self.clock.ready()
                try:
                    done = self._step(batch, stop)
                except _WentBack:
                    return False
                if done.stop:
                    raise Stopped
                self._validate(stop)
                self.keeper.keep_good()
                if done.save or self.tally.step == steps:
                    self._save()
                self._report(done)
                self.clock.start()
        if self.world.alone:
            stop.check()
        return True

    def _step(self, batch: Batch, stop: Stop) -> _Done:
        tally, recipe = self.tally, self.learner.recipe
        parts = self.learner.micro_batches
        loss = self.learner.backward(tally.step, batch.images, batch.labels)
        done = self._agree(loss, stop)
        if self.learner.micro_batches != parts:
            now = self.learner.micro_batches
            self._tell("memory", {"micro_batches": now, "norms": f"see 1/{now} of a batch"})
        if batch.lost:
            self._tell("unreadable", {"images": {one.name: one.reason for one in batch.lost}})
        rate = self._rate(tally.step)
        if done.finite:
            self.learner.move(tally.step, rate)
            tally.loss_sum += done.loss
            tally.loss_count += 1
        else:
            self._not_finite(done.loss)
        tally.step += 1
        self.clock.lap(recipe.batch_size)
        if _log_is_due(tally.step, recipe.steps):
            self._write_line(rate)
        return done

    def _agree(self, loss: float, stop: Stop) -> _Done:
        """Of what each process found, what all act on."""
        careful = self.learner.recipe.on_not_finite != "stop"
        finite = math.isfinite(loss) and (not careful or self.learner.gradients_are_finite())
        due = self.world.leader and self.clock.checkpoint_is_due()
        total, bad, stops, saves = self.world.summed(loss, not finite, stop.asked, due)
        return _Done(
            loss=total / self.world.size, finite=not bad, stop=bool(stops), save=bool(saves)
        )

    def _rate(self, step: int) -> float:
        """Learning rate of step `step` (from 0), from the validations before it."""
        recipe = self.learner.recipe
        decays = 0
        if recipe.schedule == "plateau":
            before = [entry for entry in self.log.of("validation") if entry["step"] <= step]
            decays = plateau_decays(recipe, [100.0 - entry["accuracy"] for entry in before])
        return learning_rate(recipe, step, decays=decays) * 0.5**self.tally.rollbacks

    def _not_finite(self, loss: float) -> None:
        """What the recipe says of a step whose loss or gradients are not finite.

        Raises:
            Diverged: to end the run.
            _WentBack: when the state is an earlier one.
        """
        tally, policy = self.tally, self.learner.recipe.on_not_finite
        what = "a gradient is not finite" if math.isfinite(loss) else f"the loss is {loss}"
        failed = tally.step + 1
        names = self.batches.names(tally.step)
        if policy == "skip":
            tally.skipped += 1
            if tally.skipped > _SKIPPED_SHARE * failed + 20:
                raise self._diverged(f"{what}, {tally.skipped} steps were skipped", step=failed)
            self.learner.forget()
            self._tell("skipped", {"what": what, "images": names})
        elif policy == "roll_back" and tally.rollbacks < _ROLLBACKS:
            self._go_back(what, failed, names)
        else:
            raise self._diverged(what, step=failed)

    def _go_back(self, what: str, failed: int, names: list[str]) -> None:
        """To the last good state, from there with half the learning rate.

        The line that tells it is part of the state, which is saved at once.
        """
        position = self.keeper.go_back()
        if position is None:
            raise self._diverged(f"{what}, and there is no state to go back to", step=failed)
        tally = self.tally
        if position.rollbacks > tally.rollbacks:  # a process that was killed had gone back already
            tally.rollbacks = position.rollbacks
        else:
            tally.rollbacks += 1
            told = {"failed_step": failed, "what": what, "images": names}
            self._tell("went_back", {**told, "rate": f"halved {tally.rollbacks} times"})
        self._save()
        raise _WentBack

    def _write_line(self, rate: float) -> None:
        tally = self.tally
        epoch = round(self.batches.epochs(tally.step), 3)
        loss = tally.loss_sum / tally.loss_count if tally.loss_count else None
        self._tell("training", {"epoch": epoch, "loss": loss, "learning_rate": rate})
        tally.loss_sum, tally.loss_count = 0.0, 0
        if self.world.leader:
            pace = self.clock.since_line()
            PaceLog(self.keeper.run).append(
                {
                    "step": tally.step,
                    "images_per_s": round(pace.images_per_s, 1),
                    "wait_share": round(pace.wait_share, 4),
                    "seconds": round(self.clock.seconds, 2),
                    "memory_bytes": peak_memory_bytes(),
                    "processes": self.world.size,
                }
            )

    def _tell(self, kind: str, values: dict[str, Any]) -> None:
        """A line of the log, with the steps done, and to who watches."""
        values = {"step": self.tally.step, **values}
        self.log.append(kind, values)
        if self.monitor is not None and self.world.leader:
            self.monitor.entry(kind, values)

    def _validate(self, stop: Stop) -> None:
        """Score the averaged weights, if that is due and not in the log."""
        step = self.tally.step
        if self.validation is None or not self.validation.due(step):
            return
        if any(entry["step"] == step for entry in self.log.of("validation")):
            return
        self._tell("validation", self.validation.score(self.learner.average.net, step, stop.check))

    def _report(self, done: _Done) -> None:
        step, steps = self.tally.step, self.learner.recipe.steps
        self.reporter("training", step, steps)
        if (
            self.monitor is None
            or not self.world.leader
            or not self.clock.status_is_due(step == steps)
        ):
            return
        pace = self.clock.since_status()
        left = (steps - step) * self.learner.recipe.batch_size
        self.monitor.status(
            Status(
                step=step,
                steps=steps,
                epoch=self.batches.epochs(step),
                loss=done.loss,
                learning_rate=self._rate(step) if step < steps else 0.0,
                images_per_s=pace.images_per_s,
                wait_share=pace.wait_share,
                seconds=self.clock.seconds,
                seconds_left=left / max(pace.images_per_s, 1e-9),
                memory_bytes=peak_memory_bytes(),
            )
        )

    def _save(self) -> None:
        """Write the checkpoint; weights that are not finite never are.

        Raises:
            Diverged: for such weights.
        """
        if self.world.leader and not self.learner.is_finite():
            raise self._diverged("a weight is not finite", step=self.tally.step)
        self.keeper.save()

    def _diverged(self, what: str, *, step: int) -> Diverged:
        """Of `step` (from 1); its batch is made again from its number."""
        error = Diverged(
            what,
            step=step,
            epoch=int(self.batches.epochs(step - 1)) + 1,
            learning_rate=self._rate(step - 1),
            names=self.batches.names(step - 1),
        )
        if self.world.leader:
            write_json(self.keeper.run / FILE, error.as_dict())
        return error


def _log_is_due(step: int, steps: int) -> bool:
    """Whether `step` steps done end an interval of the log."""
    return step * _LINES // steps > (step - 1) * _LINES // steps
