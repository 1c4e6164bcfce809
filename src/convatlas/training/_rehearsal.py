"""Whether a run that is killed ends here with the bytes of one that is not: tried, not promised."""

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, sleep

from torch import Tensor

from convatlas.data import Progress
from convatlas.errors import UserError
from convatlas.training._checkpoint import load_checkpoint
from convatlas.training._lesson import Lesson
from convatlas.training._log import NAME as LOG
from convatlas.training._run import digest_of_tensors

STEPS = 30
KILLS = 5
_WORKERS = (1, 2, 4)
_STEP_S = 0.05  # a step of a process that has told of one only
_PARTS = {"weights": "net/", "optimizer": "optimizer/", "average": "average/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a run that nobody disturbed ended with, and one that was killed."""

    steps: int
    killed_at: tuple[int, ...]  # steps done when kill -9 came
    workers: tuple[int, ...]  # of the processes of the killed run, one after another
    whole: Mapping[str, str]  # SHA-256 of weights, optimizer, average, log, bundle, scores
    killed: Mapping[str, str]

    @property
    def equal(self) -> bool:
        """Whether they ended with the same bytes."""
        return self.whole == self.killed

    def as_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        return {**asdict(self), "equal": self.equal}


def rehearse(
    lesson: Lesson, *, steps: int = STEPS, kills: int = KILLS, progress: Progress, seed: int = 0
) -> Rehearsal:
    """Train as `lesson` says, but short: once to the end, once killed -9 at random moments.

    Every run is made of processes of their own, in a folder that is removed afterwards; a
    checkpoint is written after every step. Where the lesson leaves the number of workers open, the
    processes of the killed run have 1, 2 or 4 by chance.

    Args:
        seed: of the moments.

    Raises:
        UserError: if a training fails, with what it said.
    """
    moments = random.Random(seed)
    steps = min(steps, lesson.steps or steps)
    short = replace(lesson, steps=steps, epochs=None, max_seconds=None, checkpoint_seconds=0.0)
    targets = sorted(moments.sample(range(1, steps), min(kills, steps - 1)))
    with TemporaryDirectory(prefix="convatlas-") as name:
        whole, killed = Path(name, "whole"), Path(name, "killed")
        for out in (whole, killed):
            out.mkdir()
        (killed / "cache").symlink_to(whole / "cache")  # images are decoded once
        _to_the_end(short, whole)
        progress("rehearsing", 1, len(targets) + 2)
        result = json.loads((whole / "result.json").read_bytes())
        short = replace(short, precision=result["recipe"]["precision"])  # "auto" measures
        killed_at, workers = [], []
        for number, target in enumerate(targets):
            workers.append(lesson.workers or moments.choice(_WORKERS))
            asked = replace(short, workers=workers[-1])
            if (done := _killed(asked, killed, target, moments)) is None:
                break
            killed_at.append(done)
            progress("rehearsing", number + 2, len(targets) + 2)
        workers.append(lesson.workers or moments.choice(_WORKERS))
        _to_the_end(replace(short, workers=workers[-1]), killed)
        progress("rehearsing", len(targets) + 2, len(targets) + 2)
        return Rehearsal(
            steps=steps,
            killed_at=tuple(killed_at),
            workers=tuple(workers),
            whole=_digests(lesson, whole),
            killed=_digests(lesson, killed),
        )


def _to_the_end(lesson: Lesson, out: Path) -> None:
    with _started(lesson, out) as process:
        for _ in _steps(process):
            pass
    if process.returncode:
        raise _failed(out)


def _killed(lesson: Lesson, out: Path, target: int, moments: random.Random) -> int | None:
    """Kill the process within a step's time after `target`; how many steps it had told of.

    None if it was at its end before.
    """
    done: int | None = None
    times: list[float] = []
    with _started(lesson, out) as process:
        for done in _steps(process):
            times.append(monotonic())
            if done >= target:
                took = [later - before for before, later in pairwise(times[-10:])]
                sleep(moments.uniform(0, median(took) if took else _STEP_S))
                process.kill()
                break
    if process.returncode > 0:
        raise _failed(out)
    return done if process.returncode else None


@contextmanager
def _started(lesson: Lesson, out: Path) -> Iterator[subprocess.Popen[str]]:
    """The training as a process; it does not outlive the block that waits for its end."""
    job = out / "lesson.json"
    job.write_text(json.dumps(asdict(lesson)))
    command = [sys.executable, "-m", "convatlas.training._rehearsed", str(job), str(out)]
    with (out / "stderr").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            yield process
            process.wait()
        finally:
            process.kill()
            process.communicate()


def _steps(process: subprocess.Popen[str]) -> Iterator[int]:
    """The numbers of steps that it tells, while it tells some."""
    assert process.stdout is not None  # noqa: S101  an invariant of ours, not input
    for line in process.stdout:
        yield int(line)


def _failed(out: Path) -> UserError:
    said = (out / "stderr").read_text(errors="replace").strip().splitlines()
    last = said[-1] if said else "nothing"
    return UserError(f"The training to be killed failed before that; it said: {last}")


def _digests(lesson: Lesson, out: Path) -> dict[str, str]:
    found = load_checkpoint(out / "run")
    assert found is not None  # noqa: S101  a run that ended has one
    _, tensors, _ = found
    result = json.loads((out / "result.json").read_bytes())
    scores = json.dumps([result["test"], result["validation"]]).encode()
    weights = out / f"{lesson.variant}.bundle" / "weights.safetensors"
    return {
        **{what: digest_of_tensors(_part(tensors, prefix)) for what, prefix in _PARTS.items()},
        "log": hashlib.sha256((out / "run" / LOG).read_bytes()).hexdigest(),
        "bundle": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "scores": hashlib.sha256(scores).hexdigest(),
    }


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
