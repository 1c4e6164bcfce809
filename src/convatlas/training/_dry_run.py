"""Three steps of everything a run will do, its end first, so that a fault there shows at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any

from convatlas import bundle, models
from convatlas.analysis import without_weights
from convatlas.analysis.training_memory import OptimizerName, training_memory
from convatlas.data import Progress
from convatlas.errors import UserError
from convatlas.evaluation import evaluate, predictor_of
from convatlas.files import locked
from convatlas.training._account import account, length_rule, rate_rule
from convatlas.training._fresh import fresh, planned
from convatlas.training._learner import Learner
from convatlas.training._loop import train
from convatlas.training._pace_log import read_pace
from convatlas.training._plan import Plan, refuse_unknown
from convatlas.training._recipe import Recipe
from convatlas.training._result import TrainingResult
from convatlas.training._schedule import learning_rate
from convatlas.training._subset import some_of
from convatlas.training._surroundings import borrowed
from convatlas.training._throughput import throughput
from convatlas.training._validation import Validation

if TYPE_CHECKING:
    from convatlas.training._lesson import Lesson

_STEPS = 3
_MEASURED_S = 2.0  # of steps on random images, for their pace
_BOUND = 0.2  # share of the time spent waiting for images above which they set the pace
_SCORED = 64  # images of the test that are scored
_OPTIMIZERS: dict[str, OptimizerName] = {
    "sgd": "momentum", "sgd_inside": "momentum", "adam": "adam", "adamw": "adamw",
    "rmsprop": "rmsprop",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What would be trained, and how long each part of it took when it was tried."""

    net: str
    side: int
    params: int
    classes: int
    images: dict[str, int]  # by split
    recipe: Recipe
    rate_rule: str
    length_rule: str
    memory_bytes: int | None  # of a step, computed; None: not known for this net
    images_per_s: float  # expected
    seconds: float  # predicted: steps, validations and test
    parts: tuple[tuple[str, float], ...]  # what was tried, in order, with its seconds

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "recipe": self.recipe.as_dict(), "parts": dict(self.parts)}


def dry_run(
    lesson: "Lesson",
    out: Path,
    *,
    progress: Progress,
    say: Callable[[str], None],
    then: Callable[[Path], None] | None = None,
) -> DryRun:
    """Validate, do three steps, score, write a bundle and read it; only decoded images stay.

    Args:
        then: called with the bundle, while it is there.

    Raises:
        UserError: what the run itself would raise, sooner.
    """
    refuse_unknown(lesson)
    tries = _Tries(say)
    with locked(out), TemporaryDirectory(prefix=".dry-run-", dir=out) as name:
        with tries.of("opening the images"):
            plan = planned(lesson, out, progress=progress, say=say)
        say(account(lesson, plan))
        with tries.of("validation"):
            per_image = _validate(plan, lesson)
        with tries.of(f"{_STEPS} steps with checkpoints"):
            trained, paces = _steps(plan, lesson, Path(name), progress)
        with tries.of("the pace of more steps"):
            speed = _speed(plan, lesson, paces[1:])
        with tries.of("test and bundle"):
            path = _bundle(plan, lesson, Path(name), trained)
        if then is not None:
            with tries.of("export"):
                then(path)
    return _found(plan, lesson, speed, per_image, tuple(tries.parts))


class _Tries:
    """What was tried, with its seconds; each is said once it is done."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.parts: list[tuple[str, float]] = []

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        begun = monotonic()
        yield
        self.parts.append((what, monotonic() - begun))
        self._say(f"tried: {what}")


def _validate(plan: Plan, lesson: "Lesson") -> float:
    """Score the untrained net on some validation images; seconds of an image."""
    with borrowed(lesson.computing, seed=plan.recipe.seed):
        learner = Learner(fresh(lesson, plan), plan.recipe)
        validation = Validation(plan.pixels("val"), plan.preprocessing, plan.recipe)
        begun = monotonic()
        scored = validation.score(learner.average.net, 0, lambda: None)
        return (monotonic() - begun) / scored["images"]


def _steps(
    plan: Plan, lesson: "Lesson", folder: Path, progress: Progress
) -> tuple[TrainingResult, list[dict[str, Any]]]:
    """Three steps as the run does them; what they gave, and the pace of each."""
    trained = train(
        models.family_of(lesson.variant).name,
        lesson.variant,
        plan.spec,
        plan.pixels("train"),
        some_of(plan.pixels("val"), _SCORED),
        plan.preprocessing,
        first_steps(plan.recipe),
        folder / "run",
        start=plan.start,
        teacher=plan.teacher,
        threads=lesson.computing,
        compiled=lesson.compiled,
        checkpoint_seconds=1e-3,
        progress=progress,
    )  # fmt: skip
    return trained, read_pace(folder / "run")


def _speed(plan: Plan, lesson: "Lesson", later: list[dict[str, Any]]) -> float:
    """Images a second: of steps on random images, or of these if they waited for theirs.

    A few steps are slower than those to come; how long they waited tells whether to use them.
    """
    seen = len(later) / sum(1 / max(line["images_per_s"], 1e-9) for line in later)
    if lesson.compiled:
        return seen  # compiling anew for more of them would take longer than they tell
    family = models.family_of(lesson.variant).name
    steady = throughput(
        family, plan.spec, plan.recipe, threads=lesson.computing, seconds=_MEASURED_S
    )
    waited = sum(line["wait_share"] for line in later) / len(later)
    return min(seen, steady) if waited > _BOUND else steady


def first_steps(recipe: Recipe) -> Recipe:
    """The recipe's first steps at its first rate, with images at full side, which cost most."""
    return replace(
        recipe,
        steps=_STEPS,
        validations=1,
        learning_rate=learning_rate(recipe, 0),
        schedule="constant",
        warmup_share=0.0,
        first_side=1.0,
    )


def _bundle(plan: Plan, lesson: "Lesson", folder: Path, trained: TrainingResult) -> Path:
    """Score some test images, write the bundle and read it."""
    from convatlas.training._lesson import bundle_info

    dataset, some = plan.material.dataset, some_of(plan.pixels("test"), _SCORED)
    scores = evaluate(predictor_of(trained.net.cpu()), some, plan.preprocessing, dataset.classes)
    info = bundle_info(
        lesson.variant, plan.spec, dataset, plan.preprocessing, trained, scores,
        history=plan.given.history,
    )  # fmt: skip
    path = bundle.save(folder / f"{lesson.variant}.bundle", trained.net, info)
    bundle.load(path)
    return path


def _found(
    plan: Plan,
    lesson: "Lesson",
    speed: float,
    per_image: float,
    parts: tuple[tuple[str, float], ...],
) -> DryRun:
    recipe, dataset = plan.recipe, plan.material.dataset
    with without_weights():
        net = models.family_of(lesson.variant).build(plan.spec)
    validation = Validation(plan.pixels("val"), plan.preprocessing, recipe)
    points = [
        step * recipe.steps // recipe.validations for step in range(1, recipe.validations + 1)
    ]
    scored = sum(len(validation.rows(step)) for step in points) + len(dataset.test)
    return DryRun(
        net=lesson.variant,
        side=plan.spec.input_side,
        params=sum(p.numel() for p in net.parameters()),
        classes=len(dataset.classes),
        images={s: len(getattr(dataset, s)) for s in ("train", "val", "test")},
        recipe=recipe,
        rate_rule=rate_rule(lesson, plan),
        length_rule=length_rule(lesson),
        memory_bytes=_memory(net, plan),
        images_per_s=speed,
        seconds=recipe.steps * recipe.batch_size / speed + scored * per_image,
        parts=parts,
    )


def _memory(net: Any, plan: Plan) -> int | None:
    """Peak of a step, with the average of the weights; None where it cannot be followed."""
    recipe, spec = plan.recipe, plan.spec
    try:
        found = training_memory(
            net,
            (spec.in_channels, spec.input_side, spec.input_side),
            batch=recipe.batch_size // recipe.micro_batches,
            optimizer=_OPTIMIZERS[recipe.optimizer],
            ema=True,
            autocast="bfloat16" if recipe.precision == "bfloat16" else None,
        )
    except UserError:
        return None
    return found.peak_bytes
