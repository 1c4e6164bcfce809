"""Successive halving over the candidates, on one machine or several."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep

from convatlas.choosing._candidates import Candidate
from convatlas.choosing._curve import expected_error
from convatlas.choosing._donors import RECIPE, Donors
from convatlas.choosing._ledger import Job, Ledger, Score
from convatlas.choosing._order import in_turns
from convatlas.choosing._plan import Plan, Round
from convatlas.data import Material, Preprocessing, Progress
from convatlas.training import Diverged, Pace, Recipe, pace, recipe_for, train

_LEAST_STEPS = 10
_PACE_S = 0.25
_POLL_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Search:
    """Takes jobs from the ledger until every round is done."""

    ledger: Ledger
    plan: Plan
    candidates: dict[str, Candidate]
    material: Material
    donors: Donors
    runs: Path  # where unfinished trainings keep their checkpoints
    cores: int
    seed: int
    progress: Progress
    say: Callable[[str], None]

    def run(self, first: list[str]) -> Candidate:
        """Every round, starting from the ids in `first`; returns the most promising of the last."""
        going = first
        for index, planned in enumerate(self.plan.rounds):
            self.ledger.enqueue(going, index)
            scores = self._round(index, planned, going)
            self._note(scores)
            ranked = sorted(scores.values(), key=self._demerit)
            if index == 0:  # a short training favours nets that learn fast and end low
                ranked = list(in_turns(ranked, lambda s: self.candidates[s.candidate].family))
            going = self._go_on(index, ranked)
        winner = self.candidates[going[0]]
        winner.state = "chosen"
        return winner

    def _round(self, index: int, planned: Round, going: list[str]) -> dict[str, Score]:
        while True:
            scores = self.ledger.scores(index)
            done = sum(c in scores for c in going)
            self.progress(f"round {index + 1} of {len(self.plan.rounds)}", done, len(going))
            if done == len(going):
                return {c: scores[c] for c in going}
            job = self.ledger.take(seconds=10 * planned.seconds_each + 120)
            if job is None:  # other machines work on the rest
                sleep(_POLL_S)
                self.ledger.put_back(own=False)
            elif job.candidate in self.ledger.scores(job.round):
                self.ledger.finish(job, self.ledger.scores(job.round)[job.candidate])
            else:
                self.ledger.finish(job, self._train(job))

    def _demerit(self, score: Score) -> tuple[float, float]:
        """Less is better: the error expected after the final training, then the loss now."""
        seconds = [planned.seconds_each for planned in self.plan.rounds]
        errors = [
            (seconds[found["round"]], 1 - found["accuracy"] / 100)
            for found in self.candidates[score.candidate].scores
        ]
        n = len(self.material.dataset.val)
        return (expected_error(errors, self.plan.final_s, n), score.loss)

    def _go_on(self, index: int, ranked: list[Score]) -> list[str]:
        last = index + 1 == len(self.plan.rounds)
        keep = 1 if last else self.plan.rounds[index + 1].candidates
        best = ranked[0]
        for score in ranked[keep:]:
            expected = 100 * self._demerit(score)[0], 100 * self._demerit(best)[0]
            self.candidates[score.candidate].drop(
                "finalist" if last else "dropped",
                f"round {index + 1}: {score.accuracy:.2f} % after "
                f"{self.plan.rounds[index].seconds_each:.0f} s of training, expected to end at an "
                f"error of {expected[0]:.1f} %; {best.candidate} {best.accuracy:.2f} %, "
                f"{expected[1]:.1f} %",
            )
        self.say(
            f"round {index + 1}: {len(ranked)} trained, first {best.candidate} "
            f"({best.accuracy:.2f} %)" + ("" if last else f", {min(keep, len(ranked))} go on")
        )
        return [s.candidate for s in ranked[:keep]]

    def _note(self, scores: dict[str, Score]) -> None:
        for score in scores.values():
            known = self.candidates[score.candidate].scores
            known.append(
                {
                    "round": len(known),
                    "images": score.images,
                    "seconds": score.seconds,
                    "accuracy": score.accuracy,
                }
            )

    def _train(self, job: Job) -> Score:
        candidate = self.candidates[job.candidate]
        recipe = self.recipe(candidate, self.plan.rounds[job.round].seconds_each)
        folder = self.runs / f"{candidate.id.replace(' ', '_')}-round{job.round + 1}"
        start = monotonic()
        try:
            result = train(
                candidate.family,
                candidate.variant,
                candidate.spec,
                self.material.pixels("train", candidate.input_side),
                self.material.pixels("val", candidate.input_side),
                self.preprocessing(candidate),
                recipe,
                folder,
                start=self.donors.tensors(candidate),
                threads=self.pace(candidate).threads,
            )
        except Diverged as error:
            self.say(f"{candidate.id}: {error}")
            return Score(candidate.id, 0.0, 1e9, 0, monotonic() - start)
        found = result.validation[-1]
        shutil.rmtree(folder, ignore_errors=True)
        images = recipe.steps * recipe.batch_size
        return Score(candidate.id, found["accuracy"], found["loss"], images, monotonic() - start)

    def preprocessing(self, candidate: Candidate) -> Preprocessing:
        """How an image becomes this candidate's input."""
        own = self.material.preprocessing(candidate.input_side)
        return self.donors.preprocessing(candidate, own)

    def recipe(self, candidate: Candidate, seconds: float) -> Recipe:
        """The candidate's recipe with as many steps as fit into `seconds` on this machine."""
        batch_size = self.recipe_of(candidate, _LEAST_STEPS).batch_size
        steps = int(self.pace(candidate).images_per_s * seconds / batch_size)
        return self.recipe_of(candidate, max(_LEAST_STEPS, steps))

    def recipe_of(self, candidate: Candidate, steps: int) -> Recipe:
        """The recipe of `steps` steps for this candidate and data, from weights or from scratch."""
        return recipe_for(
            self.material,
            candidate.variant,
            candidate.spec,
            steps=steps,
            seed=self.seed,
            name=RECIPE if candidate.start else "small-data",
        )

    def pace(self, candidate: Candidate) -> Pace:
        """Measured once for each candidate; whoever comes later uses the first figures."""
        key = f"pace {candidate.id}"
        known = self.ledger.recall(key)
        if known is None:
            probe = self.recipe_of(candidate, _LEAST_STEPS)
            found = pace(candidate.family, candidate.spec, probe, cores=self.cores, seconds=_PACE_S)
            known = asdict(found)
            self.ledger.remember(key, known)
        return Pace(**known)
