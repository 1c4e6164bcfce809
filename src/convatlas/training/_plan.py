"""From what a person asks for to what a run needs: images, the net's spec, the recipe."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from convatlas import models
from convatlas.analysis import require_fit
from convatlas.data import Material, Pixels, Preprocessing, Progress, open_dataset
from convatlas.data._types import SplitName
from convatlas.errors import UserError
from convatlas.files import write_json
from convatlas.models import Spec
from convatlas.training._changes import changed
from convatlas.training._given import Given, given
from convatlas.training._named import Length, NamedRecipe, Situation
from convatlas.training._precision import (
    PrecisionTimes,
    precision_that_pays,
    remembered_precision,
)
from convatlas.training._recipe import Recipe
from convatlas.training._recipe_fields import Precision
from convatlas.training._schedule import mean_area
from convatlas.training._situation import situation_of
from convatlas.training._throughput import throughput
from convatlas.training._world import World
from convatlas.training.recipes import AnyRecipe, find
from convatlas.training.transfer import Teacher

if TYPE_CHECKING:
    from convatlas.training._lesson import Lesson

_PACE_S = 5.0
_USED = 0.9  # of the time asked for; validations and checkpoints take the rest
_STEPS = "steps.json"
_GIVEN = "given.json"  # the nets that the run was given, by the SHA-256 of their weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run needs."""

    material: Material
    spec: Spec
    recipe: Recipe
    given: Given = field(default_factory=Given)
    start: Mapping[str, Tensor] | None = None  # the net's tensors before the first step
    teacher: Teacher | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes the net's input: as for the net that it starts from."""
        return self.given.preprocessing(self.material.preprocessing(self.spec.input_side))

    def pixels(self, split: SplitName) -> Pixels:
        """The images of a split; only those to train on may be whole ones."""
        augmentation = self.recipe.augmentation if split == "train" else None
        return self.material.pixels(split, self.spec.input_side, augmentation)


def refuse_unknown(lesson: "Lesson") -> None:
    """Nothing, if the net, the recipe and its fields exist.

    Raises:
        UserError: for a name that does not, or a value that no net or recipe can have.
    """
    models.spec_of(lesson.variant, width_multiplier=lesson.width)
    find(lesson.recipe)
    changed(Recipe(), lesson.changes)


def plan_of(
    lesson: "Lesson",
    out: Path,
    *,
    world: World,
    threads: int,
    progress: Progress,
    say: Callable[[str], None],
) -> Plan:
    """The plan of a lesson.

    Of the processes of a machine the first decodes the images, the others find them decoded.

    Raises:
        UserError: for data, a net, a recipe or numbers that cannot be used together.
    """
    recipe = find(lesson.recipe)
    with world.in_turn("scan"):
        nets = given(lesson, out)
        material = _material(lesson, out, nets, threads=threads, progress=progress, say=say)
        spec = _spec(lesson, material, recipe, nets)
        require_fit(lesson.variant, spec)
        situation = situation_of(material, lesson.variant, spec)
    made = _recipe(lesson, out, recipe, situation, spec, threads=threads, world=world)
    classes = material.dataset.classes
    plan = Plan(
        material=material,
        spec=spec,
        recipe=made,
        given=nets,
        start=nets.start(lesson, spec, classes, say),
        teacher=nets.teaching(classes, material.preprocessing(spec.input_side)),
    )
    if nets.history and world.leader:
        write_json(out / _GIVEN, list(nets.history))
    with world.in_turn("decode"):
        for split in ("train", "val", "test"):
            plan.pixels(split)
    return plan


def _material(
    lesson: "Lesson",
    out: Path,
    nets: Given,
    *,
    threads: int,
    progress: Progress,
    say: Callable[[str], None],
) -> Material:
    dataset = open_dataset(
        lesson.data,
        seed=lesson.seed,
        unreadable=lesson.unreadable or "skip",
        progress=progress,
        cache=out / "cache",
    )
    for note in dataset.notes:
        say(note)
    return Material(
        dataset,
        out / "cache",
        threads=lesson.workers or threads,
        progress=progress,
        crop_share=nets.crop_share if lesson.crop_share is None else lesson.crop_share,
    )


def _spec(lesson: "Lesson", material: Material, recipe: AnyRecipe, nets: Given) -> Spec:
    dataset = material.dataset
    meant_for = models.spec_of(lesson.variant).input_side
    side = lesson.side or nets.side or min(meant_for, max(dataset.native_side, 8))
    own = models.spec_of(lesson.variant)
    there = {f.name for f in fields(own)}
    changes = dict(recipe.spec) if isinstance(recipe, NamedRecipe) else {}
    if absent := sorted(set(changes) - there):
        raise UserError(
            f"Recipe {recipe.name!r} sets {', '.join(absent)}, which {lesson.variant} has not. "
            f"`convatlas recipes --for {lesson.variant}` lists the recipes made for it."
        )
    return models.spec_of(
        lesson.variant,
        num_classes=len(dataset.classes),
        in_channels=dataset.channels,
        input_side=side,
        width_multiplier=lesson.width,
        **changes,
    )


def _recipe(
    lesson: "Lesson",
    out: Path,
    named: AnyRecipe,
    situation: Situation,
    spec: Spec,
    *,
    threads: int,
    world: World,
) -> Recipe:
    changes = dict(lesson.changes)

    def of(steps: int | None) -> Recipe:
        length = Length(
            epochs=lesson.epochs, steps=steps, batch_size=lesson.batch_size, seed=lesson.seed
        )
        made = named.plan(situation, length)
        return changed(made, changes)

    asked = lesson.precision
    if asked is None and named.measures_precision and "precision" not in changes:
        asked = "auto"
    if asked == "auto":
        changes["precision"] = _faster(lesson, out, of(1), spec, threads=threads, world=world)
    elif asked is not None:
        changes["precision"] = asked
    if lesson.max_seconds is None:
        return of(lesson.steps)
    steps = _remembered(out) if world.leader else None
    if world.leader and steps is None:
        family = models.family_of(lesson.variant).name
        probe = replace(of(1), first_side=1.0)
        one = throughput(family, spec, probe, threads=threads, seconds=_PACE_S, device=world.device)
        rate = one * world.size / mean_area(of(1000), spec.input_side)
        steps = max(1, int(_USED * lesson.max_seconds * rate / probe.batch_size))
        write_json(out / _STEPS, {"max_seconds": lesson.max_seconds, "steps": steps})
    return of(world.sent(steps))


def _faster(
    lesson: "Lesson", out: Path, probe: Recipe, spec: Spec, *, threads: int, world: World
) -> Precision:
    family = models.family_of(lesson.variant).name

    def measured() -> PrecisionTimes:
        return precision_that_pays(family, spec, probe, threads=threads, device=world.device)

    found: Precision = world.sent(remembered_precision(out, measured) if world.leader else None)
    return found


def _remembered(out: Path) -> int | None:
    """Steps that a run of a given time was begun with: measured again they would be others."""
    try:
        steps = json.loads((out / _STEPS).read_bytes())["steps"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return steps if isinstance(steps, int) and steps > 0 else None


def recipe_for(
    material: Material,
    variant: str,
    spec: Spec,
    *,
    steps: int,
    seed: int = 0,
    batch_size: int | None = None,
    name: str = "small-data",
) -> Recipe:
    """The recipe called `name` for a net and a person's images, of that many steps."""
    length = Length(steps=steps, batch_size=batch_size, seed=seed)
    return find(name).plan(situation_of(material, variant, spec), length)
