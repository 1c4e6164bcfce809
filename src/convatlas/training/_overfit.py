"""Whether a net can learn a few images by heart: one that cannot has a fault."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from convatlas.data import Augmentation, Preprocessing, Progress, centre, normalise
from convatlas.errors import UserError
from convatlas.files import locked
from convatlas.layers import SampleDrop, Survival
from convatlas.training._account import rate_rule
from convatlas.training._batches import Batches, prefetched
from convatlas.training._fresh import fresh, planned
from convatlas.training._learner import Learner
from convatlas.training._plan import refuse_unknown
from convatlas.training._recipe import Recipe
from convatlas.training._subset import Subset, some_of
from convatlas.training._surroundings import borrowed

if TYPE_CHECKING:
    from convatlas.training._lesson import Lesson

_STEPS = 300
_LOOKS = 10  # at the accuracy, while it learns
_ENOUGH = 99.0  # percent
_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfit:
    """How well a net knows the images it was shown again and again."""

    images: int
    steps: int  # done
    accuracy: float  # percent, as the net is used: norms by their running statistics
    training_accuracy: float  # percent, norms by the statistics of these images
    first_loss: float
    loss: float | None  # of the last step; None: not finite, and no step came after it

    @property
    def learned(self) -> bool:
        """Whether the accuracy is 99 % or more."""
        return self.accuracy >= _ENOUGH

    @property
    def verdict(self) -> str:
        """What it means, in a sentence."""
        told = f"{self.accuracy:.1f} % of {self.images:,} images after {self.steps:,} steps"
        if self.learned:
            return f"The net can learn: it knows {told}."
        if self.loss is None:
            return (
                f"The loss was not finite in step {self.steps:,}. Give a lower --learning-rate, "
                "or look at the images and the net."
            )
        if self.training_accuracy >= _ENOUGH:
            return (
                f"The net knows {told}, and {self.training_accuracy:.1f} % while norms use the "
                "batch's statistics: their running statistics lag behind. Give more --steps, or "
                "look at the norms."
            )
        return (
            f"The net knows only {told}; the loss went from {self.first_loss:.3f} to "
            f"{self.loss:.3f}. Give more --steps or another --learning-rate; if it stays so, "
            "labels, input or the net are at fault."
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "learned": self.learned, "verdict": self.verdict}


def overfit(
    lesson: "Lesson",
    count: int,
    out: Path,
    *,
    progress: Progress,
    say: Callable[[str], None],
) -> Overfit:
    """Train on `count` images without augmentation and regularisers until the net knows them.

    Every class takes part in turn. Without --steps it stops after 300. Only decoded images are
    left in `out`.

    Raises:
        UserError: for fewer than two images, or a length in epochs or time.
    """
    refuse_unknown(lesson)
    if count < 2:
        raise UserError(f"--overfit {count}: there must be 2 images or more.")
    if lesson.epochs is not None or lesson.max_seconds is not None:
        raise UserError("--overfit is as long as --steps says. Leave the other length away.")
    lesson = replace(lesson, steps=lesson.steps or _STEPS)
    with locked(out):
        plan = planned(lesson, out, progress=progress, say=say)
        if plan.recipe.batch_size > count:
            lesson = replace(lesson, batch_size=count)
            plan = planned(lesson, out, progress=progress, say=lambda _: None)
    say(
        f"{lesson.variant} on {count:,} images, without augmentation and regularisers: "
        f"{rate_rule(lesson, plan)}; at most {plan.recipe.steps:,} steps of "
        f"{plan.recipe.batch_size} images"
    )
    pixels = plan.material.pixels("train", plan.spec.input_side)
    some = some_of(pixels, count)
    with borrowed(lesson.computing, seed=plan.recipe.seed):
        learner = Learner(certain(fresh(lesson, plan)), bare(plan.recipe))
        return _learned(learner, some, plan.preprocessing, progress)


def bare(recipe: Recipe) -> Recipe:
    """The recipe without what keeps a net from learning images by heart."""
    return replace(
        recipe,
        augmentation=Augmentation(),
        weight_decay=0.0,
        decay_spared=0.0,
        decay_depthwise=None,
        label_smoothing=0.0,
        mixup=0.0,
        cutmix=0.0,
        distillation=0.0,
        group_lasso=0.0,
        class_weights="none",
        sampler="shuffled",
        first_side=1.0,
        average="ema",
        ema_decay=0.0,
    )


def certain(net: nn.Module) -> nn.Module:
    """`net`, in which nothing is dropped at random any more."""
    for module in net.modules():
        if isinstance(module, _DropoutNd):
            module.p = 0.0
        elif isinstance(module, Survival):
            module.probability = 1.0
        elif isinstance(module, SampleDrop):
            module.survival = 1.0
    return net


def _learned(
    learner: Learner, images: Subset, preprocessing: Preprocessing, progress: Progress
) -> Overfit:
    steps, losses, right = learner.recipe.steps, [], 0.0
    batches = Batches(images, preprocessing, learner.recipe)
    with prefetched(batches.make, range(steps)) as made:
        for step, batch in enumerate(made, 1):
            losses.append(learner.learn(step - 1, batch.images, batch.labels))
            progress("overfitting", step, steps)
            if not isfinite(losses[-1]):
                break
            if step * _LOOKS // steps > (step - 1) * _LOOKS // steps:
                right = accuracy(learner.average.net.eval(), images, preprocessing)
                if right >= _ENOUGH:
                    break
    progress("overfitting", steps, steps)
    return Overfit(
        images=len(images),
        steps=len(losses),
        accuracy=right,
        training_accuracy=accuracy(deepcopy(learner.net).train(), images, preprocessing),
        first_loss=losses[0] if isfinite(losses[0]) else 0.0,
        loss=losses[-1] if isfinite(losses[-1]) else None,
    )


def accuracy(net: nn.Module, images: Subset, preprocessing: Preprocessing) -> float:
    """Share of the images that `net` gives their class, in percent."""
    right = 0
    with torch.inference_mode():
        for rows in _parts(len(images)):
            pixels = centre(images.batch(rows), preprocessing.side)
            found = net(normalise(pixels, preprocessing)).argmax(1).numpy()
            right += int((found == images.labels[rows]).sum())
    return 100.0 * right / len(images)


def _parts(n: int) -> Iterator[np.ndarray]:
    """Batches of nearly equal size: a norm cannot take one image alone."""
    yield from np.array_split(np.arange(n), max(1, round(n / _BATCH)))
