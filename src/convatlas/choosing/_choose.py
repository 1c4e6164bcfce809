"""The main job: images and a budget in, the most accurate net that fits out."""

import json
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convatlas.choosing._candidates import Candidate, candidates
from convatlas.choosing._clock import Clock
from convatlas.choosing._donors import Donors, donors_in
from convatlas.choosing._filter import by_cost, by_memory, peak_mult_adds_per_s, time_candidates
from convatlas.choosing._ledger import Ledger, is_storage_failure
from convatlas.choosing._nearest import nearest
from convatlas.choosing._order import leave_untimed, to_try
from convatlas.choosing._plan import Plan, plan
from convatlas.choosing._proof import PICTURES, Proof, prove
from convatlas.choosing._request import Request
from convatlas.choosing._result import no_result, result_of
from convatlas.choosing._search import Search
from convatlas.data import Dataset, Material, Progress, Scan, open_dataset
from convatlas.device import runtimes
from convatlas.errors import UserError
from convatlas.files import locked, write_json
from convatlas.training import TrainingResult, recipe_for, train

_TIMING_SHARE = 0.06  # of the time given
_ONE_TIMING_S = 0.1  # the least that building, exporting and timing one candidate takes
_LEAST_TIMED = 24
_PROOF_SHARE = 0.05
_NAMED = 5  # files named on the screen; the report lists more
_LEAST_SHARE = 0.3  # for searching and for training when reading or searching took long


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What choosing found; `result` is what result.json holds."""

    result: dict[str, Any]
    out: Path

    @property
    def pictures(self) -> dict[int, bytes]:
        """PNG of each of the most confident mistakes, by the image's index in the test split."""
        files = (self.out / PICTURES).glob("*.png")
        return {int(file.stem): file.read_bytes() for file in files}

    @property
    def unmet(self) -> str:
        """Why no net is good enough; empty when every budget is kept."""
        return str(self.result.get("unmet", ""))


def choose(request: Request, *, progress: Progress, say: Callable[[str], None]) -> Choice:
    """Choose, train, export and prove the most accurate net within the budgets.

    Interrupted at any moment and called again with the same request, it goes on; called again
    after it ended, it returns the stored result.

    Args:
        progress: called with a phase's name, what is done and the total.
        say: called with a line worth keeping on the screen.

    Raises:
        UserError: for data, budgets or a directory that cannot be used.
    """
    with locked(request.out):
        request.check_place()
        try:
            return _Job(request, progress, say).run()
        except Exception as error:
            if not is_storage_failure(error):
                raise
            raise UserError(
                f"The storage of the search failed: {error.__cause__ or error}. What is done is "
                "kept; mend it (a full disk, a server that is gone) and run the same command again."
            ) from error


class _Job:
    def __init__(self, request: Request, progress: Progress, say: Callable[[str], None]) -> None:
        self.request = request
        self.progress = progress
        self.say = say
        self.out = request.out
        self.clock = Clock(self.out / "clock.json", request.minutes * 60)
        self.runtime = _runtime(request.runtime)
        self.cores = len(os.sched_getaffinity(0))

    def run(self) -> Choice:
        finished = self.out / "result.json"
        if finished.exists():
            self.say(f"{finished} is there: nothing left to do")
            return self._stored()
        dataset = self._read()
        material = Material(dataset, self.out / "cache", threads=self.cores, progress=self.progress)
        donors = donors_in(self.request.from_dir, dataset.classes, seed=self.request.seed)
        self.request.claim()
        self._describe(dataset)
        with self.clock.phase("timing candidates"):
            listed = self._candidates(dataset, donors)
        if not any(c.state == "listed" for c in listed):
            return self._nothing_fits(dataset, listed)
        with self.clock.phase("searching"):
            winner, search = self._search(material, listed, donors)
        with self.clock.phase("training the winner"):
            trained = self._final(material, winner, search)
        with self.clock.phase("proving it"):
            proof = prove(
                self.request, material, winner, trained, self.runtime, self.progress, donors
            )
        return self._write(dataset, listed, winner, trained, proof)

    def _read(self) -> Dataset:
        """The images; data that cannot be used leave the directory open for another request."""
        try:
            with self.clock.phase("reading the data"):
                return open_dataset(
                    self.request.data,
                    seed=self.request.seed,
                    unreadable=self.request.unreadable,
                    progress=self.progress,
                    cache=self.out / "cache",
                )
        except UserError:
            if not (self.out / "request.json").exists():
                (self.out / "clock.json").unlink(missing_ok=True)
            raise

    def _stored(self) -> Choice:
        return Choice(result=json.loads((self.out / "result.json").read_text()), out=self.out)

    def _describe(self, dataset: Dataset) -> None:
        self.say(
            f"{dataset.name}: {len(dataset.classes)} classes, {len(dataset.train)} training, "
            f"{len(dataset.val)} validation and {len(dataset.test)} test images, "
            f"{'grey' if dataset.channels == 1 else 'colour'}, about {dataset.native_side} pixels"
        )
        for note in dataset.notes:
            self.say(note)
        for line in _remarks(dataset.scan):
            self.say(line)

    def _candidates(self, dataset: Dataset, donors: Donors) -> list[Candidate]:
        path = self.out / "candidates.json"
        if path.exists():
            return [Candidate.from_dict(c) for c in json.loads(path.read_text())]
        budgets = self.request.budgets
        listed = candidates(
            by_cost(budgets, peak_mult_adds_per_s(self.request.threads)),
            channels=dataset.channels,
            num_classes=len(dataset.classes),
            native_side=dataset.native_side,
        )
        seconds = _TIMING_SHARE * self.clock.total_s
        donors.assign((c for c in listed if c.state == "listed"), self.say)
        leave_untimed(listed, most=max(_LEAST_TIMED, int(seconds / _ONE_TIMING_S)))
        time_candidates(
            listed,
            budgets,
            threads=self.request.threads,
            runtime=self.runtime,
            seconds=seconds,
            progress=self.progress,
        )
        by_memory(listed, budgets, threads=self.request.threads)
        write_json(path, [c.as_dict() for c in listed])
        states = Counter("keep the budgets" if c.state == "listed" else c.state for c in listed)
        counts = ", ".join(f"{n} {state}" for state, n in states.most_common())
        self.say(f"{len(listed)} candidates: {counts}")
        return listed

    def _nothing_fits(self, dataset: Dataset, listed: list[Candidate]) -> Choice:
        unmet = nearest(listed, self.request.budgets)
        result = no_result(self.request, dataset, listed, self.clock.phases, unmet)
        write_json(self.out / "result.json", result)
        return self._stored()

    def _search(
        self, material: Material, listed: list[Candidate], donors: Donors
    ) -> tuple[Candidate, Search]:
        url = self.request.storage or f"sqlite:///{(self.out / 'search.db').absolute()}"
        name = self.request.study_name(material.dataset.fingerprint, donors.digests)
        ledger = Ledger(url, name, _worker(self.out))
        ledger.put_back(own=True)
        fitting = [c for c in listed if c.state == "listed"]
        agreed = ledger.recall("plan")
        if agreed is None:
            agreed = self._agree(material, fitting)
            ledger.remember("plan", agreed)
        known = {c.id: c for c in listed}
        for stored in agreed["first"]:  # a machine that joins may have listed others
            known.setdefault(stored["id"], Candidate.from_dict(stored))
        first_ids = [stored["id"] for stored in agreed["first"]]
        for candidate in fitting:
            if candidate.id not in first_ids:
                candidate.drop(
                    "not tried",
                    f"the time allows {len(first_ids)} candidates; families took turns, "
                    "dearest nets first that learn enough in the time",
                )
        planned = Plan.from_dict(agreed["plan"])
        self.say(f"plan: {planned}")
        search = Search(
            ledger=ledger,
            plan=planned,
            candidates=known,
            material=material,
            donors=donors,
            runs=self.out / "runs",
            cores=self.cores,
            seed=self.request.seed,
            progress=self.progress,
            say=self.say,
        )
        return search.run(first_ids), search

    def _agree(self, material: Material, fitting: list[Candidate]) -> dict[str, Any]:
        """The plan of the search and its first candidates, for every machine that joins."""
        left = self.clock.left_s - _PROOF_SHARE * self.clock.total_s
        planned = plan(max(left, _LEAST_SHARE * self.clock.total_s), len(fitting))
        if not planned.rounds:
            return {"plan": planned.as_dict(), "first": [c.as_dict() for c in fitting]}
        probe = recipe_for(material, fitting[0].variant, fitting[0].spec, steps=1)
        ordered = to_try(
            fitting,
            seconds=planned.rounds[0].seconds_each,
            batch_size=probe.batch_size,
            cores=self.cores,
        )
        first = ordered[: planned.rounds[0].candidates]
        return {"plan": planned.as_dict(), "first": [c.as_dict() for c in first]}

    def _final(self, material: Material, winner: Candidate, search: Search) -> TrainingResult:
        steps = search.ledger.recall("final steps")
        if steps is None:
            left = self.clock.left_s - _PROOF_SHARE * self.clock.total_s
            left = max(left, _LEAST_SHARE * self.clock.total_s)
            steps = search.recipe(winner, left).steps
            search.ledger.remember("final steps", steps)
        recipe = search.recipe_of(winner, steps)
        self.say(f"training {winner.id} for {steps} steps of {recipe.batch_size} images")
        return train(
            winner.family,
            winner.variant,
            winner.spec,
            material.pixels("train", winner.input_side),
            material.pixels("val", winner.input_side),
            search.preprocessing(winner),
            recipe,
            self.out / "runs" / "final",
            start=search.donors.tensors(winner),
            threads=search.pace(winner).threads,
            progress=self.progress,
        )

    def _write(
        self,
        dataset: Dataset,
        listed: list[Candidate],
        winner: Candidate,
        trained: TrainingResult,
        proof: Proof,
    ) -> Choice:
        result = result_of(self.request, dataset, listed, winner, trained, proof, self.clock.phases)
        write_json(self.out / "result.json", result)
        return self._stored()


def _remarks(scan: Scan) -> Iterator[str]:
    """What a person should know of the images before a net is chosen on them."""
    for left_out in scan.unreadable[:_NAMED]:
        yield f"left out, cannot be read: {left_out.name} ({left_out.reason})"
    if len(scan.unreadable) > _NAMED:
        yield f"... and {len(scan.unreadable) - _NAMED} more that cannot be read (report.html)"
    for copy, first in scan.leaks[:_NAMED]:
        yield f"the same image in two splits: {copy} and {first}"
    if len(scan.leaks) > _NAMED:
        yield f"... and {len(scan.leaks) - _NAMED} more such pairs (report.html)"
    if scan.conflicts:
        copy, first = scan.conflicts[0]
        yield f"{len(scan.conflicts)} images have copies of another class: {copy} and {first}, ..."


def _runtime(asked: str) -> str:
    available = runtimes()
    if asked == "auto":
        return available[0]
    if asked not in available:
        raise UserError(
            f"--runtime {asked!r} is not installed here. Allowed: auto, {', '.join(available)}. "
            "ONNX Runtime comes with: pip install 'convatlas[export]'."
        )
    return asked


def _worker(out: Path) -> str:
    """Names this machine and directory, the same after a restart."""
    return f"{socket.gethostname()}:{out.absolute()}"
