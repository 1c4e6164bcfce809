"""One net on one data set: train it, score it on images it never saw, write its bundle."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Literal

from convatlas import bundle, models
from convatlas.bundle import BundleInfo
from convatlas.data import Dataset, Preprocessing, Progress
from convatlas.errors import UserError
from convatlas.evaluation import Evaluation, evaluate, predictor_of
from convatlas.files import locked, write_json
from convatlas.models import Spec
from convatlas.training._account import account
from convatlas.training._loop import train
from convatlas.training._monitor import Monitor
from convatlas.training._plan import Plan, plan_of, refuse_unknown
from convatlas.training._result import TrainingResult
from convatlas.training._world import World

_MOST_THREADS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """The job of `convatlas train`; None leaves a choice to the data and the recipe.

    Raises:
        UserError: for numbers that no data and no net could be used with.
    """

    data: str
    variant: str
    recipe: str = ""  # a name, or a .json file; "": fine-tune from a start, small-data without
    changes: Mapping[str, Any] = field(default_factory=dict)  # of the recipe's fields
    start: str | None = None  # a bundle, a checkpoint's file or hub:OWNER/NAME[@REVISION]
    graft: bool = False  # the start is a shallower net of the family
    teacher: str | None = None  # a bundle
    width: float = 1.0
    side: int | None = None
    crop_share: float | None = None  # below 1, training sees random crops of larger images
    epochs: float | None = None
    steps: int | None = None  # instead of epochs
    max_seconds: float | None = (
        None  # instead of both: as many steps as fit, by their measured pace
    )
    batch_size: int | None = None
    threads: int | None = None
    workers: int | None = (
        None  # threads that decode images; whatever their number, the same weights
    )
    compiled: bool = False
    precision: Literal["auto", "float32", "bfloat16"] | None = None  # "auto": the faster, measured
    checkpoint_seconds: float = 20.0
    seed: int = 0
    unreadable: Literal["skip", "refuse"] = "skip"

    def __post_init__(self) -> None:
        for name in ("side", "steps", "batch_size", "threads", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{name}={value}; it must be 1 or more.")
        for name in ("threads", "workers"):
            value = getattr(self, name)
            if value is not None and value > _MOST_THREADS:
                raise UserError(f"{name}={value}; it must be at most {_MOST_THREADS}.")
        if self.crop_share is not None and not 0 < self.crop_share <= 1:
            raise UserError(f"crop_share={self.crop_share:g}; it must be above 0, at most 1.")
        for name in ("epochs", "max_seconds"):
            value = getattr(self, name)
            if value is not None and not 0 < value < inf:
                raise UserError(f"{name}={value:g}; it must be a number above 0.")
        if sum(x is not None for x in (self.epochs, self.steps, self.max_seconds)) > 1:
            raise UserError("Give one of epochs, steps and a time, not several.")
        if not 0 <= self.seed < 2**32:
            raise UserError(f"seed={self.seed}; it must be 0 to {2**32 - 1}.")
        if self.graft and self.start is None:
            raise UserError("--graft needs a net to take layers from. Give a bundle with --from.")
        if not self.recipe:
            usual = "small-data" if self.start is None or self.graft else "fine-tune"
            object.__setattr__(self, "recipe", usual)

    @property
    def computing(self) -> int:
        """Threads that the net computes with: never measured, since weights depend on them."""
        return self.threads or len(os.sched_getaffinity(0))


def teach(
    lesson: Lesson,
    out: Path,
    *,
    progress: Progress,
    say: Callable[[str], None],
    world: World | None = None,
    monitor: Monitor | None = None,
) -> dict[str, Any]:
    """Train, score and bundle; killed and called again with the same `out`, it goes on.

    Of many processes only the leader scores and writes; the others return nothing.

    Returns:
        The bundle's path, steps, recipe and test scores, as written to result.json.

    Raises:
        UserError: for data, a net or numbers that cannot be used together.
    """
    world = world or World()
    threads = lesson.computing
    refuse_unknown(lesson)
    with locked(out) if world.leader else nullcontext():
        plan = plan_of(lesson, out, world=world, threads=threads, progress=progress, say=say)
        if world.leader:
            say(account(lesson, plan))
        trained = train(
            models.family_of(lesson.variant).name,
            lesson.variant,
            plan.spec,
            plan.pixels("train"),
            plan.pixels("val"),
            plan.preprocessing,
            plan.recipe,
            out / "run",
            start=plan.start,
            teacher=plan.teacher,
            threads=threads,
            compiled=lesson.compiled,
            world=world,
            checkpoint_seconds=lesson.checkpoint_seconds,
            progress=progress,
            monitor=monitor,
        )
        for note in trained.notes:
            say(note)
        return _scored(lesson, out, plan, trained, progress) if world.leader else {}


def _scored(
    lesson: Lesson, out: Path, plan: Plan, trained: TrainingResult, progress: Progress
) -> dict[str, Any]:
    """Score the trained net on the test images, write its bundle and result.json."""
    dataset = plan.material.dataset
    test = evaluate(
        predictor_of(trained.net.cpu()),
        plan.pixels("test"),
        plan.preprocessing,
        dataset.classes,
        progress=progress,
    )
    info = bundle_info(
        lesson.variant,
        plan.spec,
        dataset,
        plan.preprocessing,
        trained,
        test,
        history=plan.given.history,
    )
    path = bundle.save(out / f"{lesson.variant}.bundle", trained.net, info)
    result = {
        "bundle": str(path),
        "side": plan.spec.input_side,
        "steps": trained.steps,
        "seconds": trained.seconds,
        "recipe": trained.recipe.as_dict(),
        "history": list(plan.given.history),
        "validation": list(trained.validation),
        "events": list(trained.events),
        "test": test.as_dict(),
    }
    write_json(out / "result.json", result)
    return result


def bundle_info(
    variant: str,
    spec: Spec,
    dataset: Dataset,
    preprocessing: Preprocessing,
    trained: TrainingResult,
    test: Evaluation,
    *,
    history: Sequence[Mapping[str, Any]] = (),
) -> BundleInfo:
    """What a freshly trained net's bundle says of it.

    Args:
        history: rows on what the training started from and who taught it.
    """
    metric: dict[str, Any] = {
        "protocol": test.protocol,
        "data": f"{dataset.name}/test",
        "n": test.n,
        "top1_error": test.top1_error,
        "top5_error": test.top5_error,
        "loss": test.loss,
    }
    return BundleInfo(
        name=f"{variant} on {dataset.name}",
        family=models.family_of(variant).name,
        variant=variant,
        spec=asdict(spec),
        classes=list(dataset.classes),
        preprocessing=preprocessing.as_dict(),
        recipe=trained.recipe.as_dict(),
        metrics=[metric],
        history=[dict(row) for row in history],
        versions=bundle.versions(),
    )
