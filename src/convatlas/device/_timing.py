"""How long sessions take, measured side by side.

A latency taken alone is good to 20 or 30 % on a shared machine; sessions timed in turn, in one
process, in rounds of random order, compare to within 5 or 10 %.
"""

import gc
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from convatlas.device._machine import cpu_name
from convatlas.device._runtime import Session

LEAST_MEASUREMENT_S = 5e-4  # faster runs are timed several at once
MOST_AT_ONCE = 10_000
_WARM_RUNS = 3
_WARM_S = 5e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds per run, and under which conditions.

    Each of the `n` measurements is `runs_at_once` runs in a row divided by that number.
    """

    device: str
    runtime: str
    threads: int
    batch: int
    dtype: str
    versions: Mapping[str, str]
    n: int
    median_s: float
    q1_s: float
    q3_s: float
    first_s: float  # the very first run, not among the n
    runs_at_once: int

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {
            "device": self.device,
            "runtime": self.runtime,
            "threads": self.threads,
            "batch": self.batch,
            "dtype": self.dtype,
            "versions": dict(self.versions),
            "n": self.n,
            "median_s": self.median_s,
            "q1_s": self.q1_s,
            "q3_s": self.q3_s,
            "first_s": self.first_s,
            "runs_at_once": self.runs_at_once,
        }


@dataclass(slots=True, kw_only=True)
class _Course:
    """One session's measurements so far."""

    session: Session
    first_s: float
    runs_at_once: int
    seconds: list[float] = field(default_factory=list)  # per run
    spent_s: float = 0.0

    def measure(self, images: npt.NDArray[np.float32]) -> None:
        elapsed = _elapsed(self.session, images, self.runs_at_once)
        self.seconds.append(elapsed / self.runs_at_once)
        self.spent_s += elapsed


def time_sessions(
    sessions: Mapping[str, Session],
    shape: tuple[int, int, int],
    *,
    batch: int = 1,
    seconds: float = 0.3,
    rounds: tuple[int, int] = (10, 1000),
    seed: int = 0,
) -> dict[str, Timing]:
    """Median and quartiles of each session on the same random images.

    Every session is warmed up. Then each round runs them once in random order, until every one
    has had `seconds`; one that has had them sits out, so a slow one does not starve the others.

    Args:
        shape: channels, height and width.
        seconds: per session, warming up aside.
        rounds: least and most measurements of each session.
    """
    generator = np.random.default_rng(seed)
    images = generator.standard_normal((batch, *shape), dtype=np.float32)
    least, most = rounds
    with _without_collection():
        courses = {name: _warmed(session, images) for name, session in sessions.items()}
        for done in range(most):
            running = [c for c in courses.values() if done < least or c.spent_s < seconds]
            if not running:
                break
            for place in generator.permutation(len(running)):
                running[place].measure(images)
    return {name: _timing(course, batch) for name, course in courses.items()}


def _warmed(session: Session, images: npt.NDArray[np.float32]) -> _Course:
    first = _elapsed(session, images, 1)
    runs: list[float] = []
    while len(runs) < _WARM_RUNS or (sum(runs) < _WARM_S and len(runs) < MOST_AT_ONCE):
        runs.append(_elapsed(session, images, 1))
    usual = float(np.median(runs))
    at_once = min(MOST_AT_ONCE, max(1, ceil(LEAST_MEASUREMENT_S / max(usual, 1e-9))))
    return _Course(session=session, first_s=first, runs_at_once=at_once)


def _elapsed(session: Session, images: npt.NDArray[np.float32], times: int) -> float:
    predict = session.predict
    start = time.perf_counter_ns()
    for _ in range(times):
        predict(images)
    return (time.perf_counter_ns() - start) * 1e-9


def _timing(course: _Course, batch: int) -> Timing:
    q1, median, q3 = np.quantile(course.seconds, [0.25, 0.5, 0.75]).tolist()
    session = course.session
    return Timing(
        device=cpu_name(),
        runtime=session.runtime,
        threads=session.threads,
        batch=batch,
        dtype=session.dtype,
        versions=session.versions,
        n=len(course.seconds),
        median_s=median,
        q1_s=q1,
        q3_s=q3,
        first_s=course.first_s,
        runs_at_once=course.runs_at_once,
    )


@contextmanager
def _without_collection() -> Iterator[None]:
    """No garbage collection inside, as far as it was on."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
