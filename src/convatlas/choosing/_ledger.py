"""The search's jobs and scores in an Optuna study, which machines can share.

One Optuna trial is one training: a candidate at a round of successive halving. Optuna's own
successive-halving pruner decides while a trial runs and cannot suspend one, so it lets the first
trials run to the end; here a round is complete before the best third goes on, and only the
storage, the queue and the states are Optuna's (docs/design/0003-search-ledger.md).
"""

import json
import re
import warnings
from dataclasses import dataclass
from time import sleep, time
from typing import Any

from convatlas.errors import UserError

_WAITS = (0.2, 0.5, 1.0)  # seconds before a storage is opened once more


@dataclass(frozen=True, slots=True)
class Job:
    """A candidate to train at a round; `number` is the trial's."""

    number: int
    candidate: str
    round: int


@dataclass(frozen=True, slots=True)
class Score:
    """What a finished job found; accuracy in percent on the validation images."""

    candidate: str
    accuracy: float
    loss: float
    images: int
    seconds: float


class Ledger:
    """Jobs waiting, running and done, in a storage that outlives the process."""

    def __init__(self, storage: str, name: str, worker: str) -> None:
        optuna = _optuna()
        self._states = optuna.trial.TrialState
        self._worker = worker
        self._taken: dict[int, Any] = {}
        try:
            self._study = _study(optuna, storage, name)
        except Exception as error:
            # Optuna passes on whatever the database driver raises.
            raise UserError(
                f"Cannot open the search storage {_shown(storage)!r}: {error}. "
                "Allowed: an SQLAlchemy URL "
                "such as sqlite:///search.db or postgresql://user@host/name."
            ) from error

    def remember(self, key: str, value: Any) -> None:
        """Keep a JSON value for every worker of this study."""
        self._study.set_user_attr(key, json.dumps(value))

    def recall(self, key: str) -> Any:
        """What was kept under `key`, or None."""
        found = self._study.user_attrs.get(key)
        return None if found is None else json.loads(found)

    def enqueue(self, candidates: list[str], round: int) -> None:
        """Add jobs, unless this candidate and round was added before."""
        known = {(t.user_attrs.get("candidate"), t.user_attrs.get("round")) for t in self._all()}
        for candidate in candidates:
            if (candidate, round) not in known:
                attributes = {"candidate": candidate, "round": round}
                self._study.enqueue_trial({}, user_attrs=attributes)

    def take(self, seconds: float) -> Job | None:
        """The next waiting job, now this worker's; None when none waits.

        Args:
            seconds: after which others may take the job for lost.
        """
        if not self._all(self._states.WAITING):
            return None
        trial = self._study.ask()
        if "candidate" not in trial.user_attrs:  # another worker was faster
            self._study.tell(trial, state=self._states.FAIL)
            return None
        trial.set_user_attr("worker", self._worker)
        trial.set_user_attr("expires", time() + seconds)
        self._taken[trial.number] = trial
        return Job(trial.number, trial.user_attrs["candidate"], trial.user_attrs["round"])

    def finish(self, job: Job, score: Score) -> None:
        """Record the score of a job."""
        trial = self._taken.pop(job.number)
        for key in ("loss", "images", "seconds"):
            trial.set_user_attr(key, getattr(score, key))
        self._study.tell(trial, score.accuracy)

    def put_back(self, *, own: bool) -> int:
        """Queue again the jobs of workers that are gone: overdue ones, and with `own` this one's.

        Returns:
            The number of jobs put back.
        """
        back = 0
        for trial in self._all(self._states.RUNNING):
            mine = own and trial.user_attrs.get("worker") == self._worker
            if not mine and trial.user_attrs.get("expires", 0.0) > time():
                continue
            self._study.tell(trial.number, state=self._states.FAIL)
            attributes = {k: v for k, v in trial.user_attrs.items() if k in ("candidate", "round")}
            if attributes:
                self._study.enqueue_trial({}, user_attrs=attributes)
                back += 1
        return back

    def scores(self, round: int) -> dict[str, Score]:
        """The finished jobs of a round by candidate."""
        return {
            t.user_attrs["candidate"]: Score(
                t.user_attrs["candidate"],
                t.value,
                t.user_attrs["loss"],
                t.user_attrs["images"],
                t.user_attrs["seconds"],
            )
            for t in self._all(self._states.COMPLETE)
            if t.user_attrs["round"] == round
        }

    def _all(self, *states: Any) -> list[Any]:
        return self._study.get_trials(deepcopy=False, states=states or None)


def is_storage_failure(error: Exception) -> bool:
    """Whether the database, not this program, failed: full disk, lost server, locked file."""
    return type(error).__module__.partition(".")[0] in ("optuna", "sqlalchemy")


def _shown(url: str) -> str:
    """`url` without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def _study(optuna: Any, storage: str, name: str) -> Any:
    """The study of this name, made if nobody has yet.

    Two workers that start together both make the tables, and one of them fails; once the other is
    done, opening again succeeds.
    """
    for wait in _WAITS:
        try:
            return _opened(optuna, storage, name)
        except Exception as error:
            if not is_storage_failure(error):
                raise
            sleep(wait)
    return _opened(optuna, storage, name)


def _opened(optuna: Any, storage: str, name: str) -> Any:
    return optuna.create_study(
        study_name=name,
        storage=_storage(optuna, storage),
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),
        load_if_exists=True,
    )


def _storage(optuna: Any, url: str) -> Any:
    arguments = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    return optuna.storages.RDBStorage(url, engine_kwargs=arguments)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise UserError(
            "Choosing needs Optuna. Install it: pip install 'convatlas[search]'."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna
