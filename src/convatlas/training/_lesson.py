"""One net on one data set: train it, score it on images it never saw, write its bundle."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Literal

from convatlas import bundle, models
from convatlas.analysis import require_fit, without_weights
from convatlas.bundle import BundleInfo
from convatlas.data import Dataset, Material, Preprocessing, Progress, open_dataset
from convatlas.errors import UserError
from convatlas.evaluation import Evaluation, evaluate, predictor_of
from convatlas.files import locked, write_json
from convatlas.models import Spec
from convatlas.training._default import default_recipe
from convatlas.training._learner import has_norm
from convatlas.training._loop import train
from convatlas.training._recipe import Recipe
from convatlas.training._result import TrainingResult

_MOST_THREADS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """The job of `convatlas train`; None leaves a choice to the data and the default recipe.

    Raises:
        UserError: for numbers that no data and no net could be used with.
    """

    data: str
    variant: str
    width: float = 1.0
    side: int | None = None
    crop_share: float | None = None  # below 1, training sees random crops of larger images
    epochs: float = 10.0
    steps: int | None = None  # instead of epochs
    batch_size: int | None = None
    learning_rate: float | None = None
    threads: int | None = None
    seed: int = 0
    unreadable: Literal["skip", "refuse"] = "skip"

    def __post_init__(self) -> None:
        for name in ("side", "steps", "batch_size", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{name}={value}; it must be 1 or more.")
        if self.threads is not None and self.threads > _MOST_THREADS:
            raise UserError(f"threads={self.threads}; it must be at most {_MOST_THREADS}.")
        if self.crop_share is not None and not 0 < self.crop_share <= 1:
            raise UserError(f"crop_share={self.crop_share:g}; it must be above 0, at most 1.")
        if not 0 < self.epochs < inf:
            raise UserError(f"epochs={self.epochs:g}; it must be a number above 0.")
        if not 0 <= self.seed < 2**32:
            raise UserError(f"seed={self.seed}; it must be 0 to {2**32 - 1}.")


def teach(
    lesson: Lesson, out: Path, *, progress: Progress, say: Callable[[str], None]
) -> dict[str, Any]:
    """Train, score and bundle; killed and called again with the same `out`, it goes on.

    Returns:
        The bundle's path, steps, recipe and test scores, as written to result.json.

    Raises:
        UserError: for data, a net or numbers that cannot be used together.
    """
    models.spec_of(lesson.variant, width_multiplier=lesson.width)  # refused before images are read
    threads = lesson.threads or len(os.sched_getaffinity(0))  # never measured: weights depend on it
    with locked(out):
        material = _material(lesson, out, threads=threads, progress=progress, say=say)
        spec = _spec(lesson, material.dataset)
        require_fit(lesson.variant, spec)
        recipe = _recipe(lesson, material, spec)
        trained = train(
            models.family_of(lesson.variant).name,
            lesson.variant,
            spec,
            material.pixels("train", spec.input_side),
            material.pixels("val", spec.input_side),
            material.preprocessing(spec.input_side),
            recipe,
            out / "run",
            threads=threads,
            progress=progress,
        )
        for note in trained.notes:
            say(note)
        return _scored(lesson, out, material, trained, spec, progress)


def _material(
    lesson: Lesson, out: Path, *, threads: int, progress: Progress, say: Callable[[str], None]
) -> Material:
    dataset = open_dataset(
        lesson.data,
        seed=lesson.seed,
        unreadable=lesson.unreadable,
        progress=progress,
        cache=out / "cache",
    )
    for note in dataset.notes:
        say(note)
    return Material(
        dataset,
        out / "cache",
        threads=threads,
        progress=progress,
        crop_share=lesson.crop_share,
    )


def _scored(
    lesson: Lesson,
    out: Path,
    material: Material,
    trained: TrainingResult,
    spec: Spec,
    progress: Progress,
) -> dict[str, Any]:
    """Score the trained net on the test images, write its bundle and result.json."""
    preprocessing = material.preprocessing(spec.input_side)
    test = evaluate(
        predictor_of(trained.net),
        material.pixels("test", spec.input_side),
        preprocessing,
        material.dataset.classes,
        progress=progress,
    )
    info = bundle_info(lesson.variant, spec, material.dataset, preprocessing, trained, test)
    path = bundle.save(out / f"{lesson.variant}.bundle", trained.net, info)
    result = {
        "bundle": str(path),
        "side": spec.input_side,
        "steps": trained.steps,
        "seconds": trained.seconds,
        "recipe": trained.recipe.as_dict(),
        "validation": list(trained.validation),
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
) -> BundleInfo:
    """What a freshly trained net's bundle says of it."""
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
        history=[],
        versions=bundle.versions(),
    )


def _spec(lesson: Lesson, dataset: Dataset) -> Spec:
    meant_for = models.spec_of(lesson.variant).input_side
    side = min(meant_for, max(dataset.native_side, 8)) if lesson.side is None else lesson.side
    return models.spec_of(
        lesson.variant,
        num_classes=len(dataset.classes),
        in_channels=dataset.channels,
        input_side=side,
        width_multiplier=lesson.width,
    )


def recipe_for(
    material: Material,
    variant: str,
    spec: Spec,
    *,
    steps: int,
    seed: int = 0,
    batch_size: int | None = None,
) -> Recipe:
    """The default recipe for a net and a person's images."""
    with without_weights():
        net = models.family_of(variant).build(spec)
    return default_recipe(
        len(material.dataset.train),
        len(material.dataset.classes),
        material.augmentation,
        seed=seed,
        steps=steps,
        batch_size=batch_size,
        has_norm=has_norm(net),
    )


def _recipe(lesson: Lesson, material: Material, spec: Spec) -> Recipe:
    recipe = recipe_for(
        material,
        lesson.variant,
        spec,
        steps=lesson.steps or 1,
        seed=lesson.seed,
        batch_size=lesson.batch_size,
    )
    if lesson.steps is None:
        images = len(material.dataset.train)
        steps = round(lesson.epochs * images / recipe.batch_size)
        if steps < 1:
            raise UserError(
                f"epochs={lesson.epochs:g} of {images} training images make no step of "
                f"{recipe.batch_size} images. Ask for more epochs or a smaller batch."
            )
        recipe = recipe_for(
            material,
            lesson.variant,
            spec,
            steps=steps,
            seed=lesson.seed,
            batch_size=lesson.batch_size,
        )
    if lesson.learning_rate is not None:
        recipe = replace(recipe, learning_rate=lesson.learning_rate)
    return recipe
