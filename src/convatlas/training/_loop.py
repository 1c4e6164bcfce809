"""Training a net of the zoo on images, in a folder from which it can be taken up again."""

from collections.abc import Mapping
from contextlib import closing, nullcontext
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from convatlas import data
from convatlas.data import Preprocessing, Progress
from convatlas.errors import UserError
from convatlas.files import locked
from convatlas.layers import xavier_uniform
from convatlas.models import Spec, from_spec
from convatlas.training._batches import Batches
from convatlas.training._checkpoint import Position, load_checkpoint
from convatlas.training._clock import Clock
from convatlas.training._images import Images
from convatlas.training._keeper import Keeper
from convatlas.training._learner import Learner
from convatlas.training._log import Log
from convatlas.training._monitor import Monitor
from convatlas.training._readable import Policy
from convatlas.training._recipe import Recipe
from convatlas.training._recipe_check import check_schedule, check_sides
from convatlas.training._recompute_stages import parts_of
from convatlas.training._result import TrainingResult
from convatlas.training._run import claim, describe, digest_of
from convatlas.training._surroundings import Reporter, borrowed
from convatlas.training._tally import Tally
from convatlas.training._training import Training
from convatlas.training._validation import Validation
from convatlas.training._world import World


def train(  # noqa: PLR0913 - the whole description of a training
    family: str,
    variant: str,
    spec: Mapping[str, Any] | Spec,
    train_pixels: Images,
    val_pixels: Images | None,
    preprocessing: Preprocessing,
    recipe: Recipe,
    run: Path,
    *,
    start: Mapping[str, Tensor] | None = None,
    teacher: nn.Module | None = None,
    threads: int | None = None,
    compiled: bool = False,
    unreadable: Policy = None,
    world: World | None = None,
    checkpoint_seconds: float = 20.0,
    progress: Progress | None = None,
    monitor: Monitor | None = None,
) -> TrainingResult:
    """Train `family`'s net of this spec by `recipe`; goes on by itself where `run` stopped.

    However often the process is stopped or killed, the weights are those of an uninterrupted run,
    bit for bit (same machine, versions, threads and number of processes; a run keeps the threads it
    was started with). `run` then holds `run.json` (the settings), `checkpoint.safetensors`, the
    checkpoint before it, `log.jsonl`, and `pace.jsonl`. One that is finished gives its result at
    once. Of many processes only the leader reads and writes `run`.

    Args:
        start: the net's tensors at the start by their names, as `state_dict` gives; None: as built.
        teacher: a net whose answers the recipe's `distillation` compares with.
        threads: None takes as many as torch uses now.
        compiled: whether the step runs through torch.compile, which may change the last digits.
        unreadable: what is done about images that cannot be read any more; None leaves them out of
            training, and refuses where they are to be scored.
        world: the processes that train together; None: this one alone, on the CPU.
        checkpoint_seconds: time between checkpoints; longer if they would take over 5 % of it.
        monitor: who is told how the run goes.

    Raises:
        UserError: if `run` belongs to other settings or is in use, images do not fit the net, or
            the disk is full.
        Diverged: if the loss or a weight is not finite.
        KeyboardInterrupt: after SIGINT, with everything on disk.
        SystemExit: with code 143 after SIGTERM, with everything on disk.
    """
    world = world or World()
    fields = asdict(spec) if is_dataclass(spec) else dict(spec)
    _check_fit(fields, train_pixels, val_pixels, preprocessing)
    _check_teacher(recipe, teacher)
    check_schedule(recipe, validated=bool(val_pixels))
    check_sides(family, fields, recipe)
    class_weights = weights_of(recipe, train_pixels, fields["num_classes"])
    batches = Batches(train_pixels, preprocessing, recipe, world, skip=unreadable != "refuse")
    pixels = {"train": train_pixels, "val": val_pixels}
    settings = describe(
        family, variant, fields, preprocessing, recipe, pixels,
        start=start, teacher=teacher, device=world.device.type, compiled=compiled,
    )  # fmt: skip
    validation = None
    if val_pixels:
        skip = unreadable == "skip"
        validation = Validation(val_pixels, preprocessing, recipe, world, skip)
    threads = threads or torch.get_num_threads()
    with borrowed(threads, seed=recipe.seed, device=world.device):
        net = _beginning(from_spec(family, fields), recipe, start)
        parts_of(net, recipe.recompute)  # says now if there are none
        with locked(run) if world.leader else nullcontext():
            notes = claim(run, settings) if world.leader else ()
            learner = Learner(
                net, recipe,
                world=world, class_weights=class_weights, teacher=teacher, compiled=compiled,
            )  # fmt: skip
            taken_up = _taken_up(run, learner, digest_of(settings), world, checkpoint_seconds)
            tally, clock, log, more = taken_up
            with closing(log):
                Training(
                    learner=learner,
                    batches=batches,
                    validation=validation,
                    keeper=Keeper(
                        run=run, digest=digest_of(settings), learner=learner, log=log, tally=tally,
                        clock=clock, world=world, saved=(tally.step, log.offset),
                    ),
                    log=log,
                    tally=tally,
                    clock=clock,
                    reporter=Reporter(progress),
                    world=world,
                    monitor=monitor,
                ).to_the_end()  # fmt: skip
    return TrainingResult(
        net=_as_built(learner.average.net),
        recipe=recipe,
        steps=tally.step,
        seconds=clock.seconds,
        history=log.of("training"),
        validation=log.of("validation"),
        events=log.events(),
        notes=(*notes, *more),
    )


def _beginning(net: nn.Module, recipe: Recipe, start: Mapping[str, Tensor] | None) -> nn.Module:
    if start is not None:
        net.load_state_dict(dict(start))
    elif recipe.initial == "xavier":
        net.apply(xavier_uniform)
    return net


def weights_of(recipe: Recipe, pixels: Images, classes: int) -> Tensor | None:
    """What each class's images count in the loss by a recipe; None: all the same."""
    if recipe.class_weights == "none":
        return None
    weights = data.class_weights(np.asarray(pixels.labels), classes, recipe.class_weights)
    return torch.from_numpy(weights).float()


def _taken_up(
    run: Path, learner: Learner, digest: str, world: World, checkpoint_seconds: float
) -> tuple[Tally, Clock, Log, tuple[str, ...]]:
    """The state of `run`, or that of one that has not begun, with notes on it.

    Many processes begin with the leader's net, whatever they built.
    """
    found = load_checkpoint(run) if world.leader else None
    position, notes = world.sent((found[0], found[2]) if found else (None, ()))
    if position is None:
        tensors = learner.tensors()
        world.send(tensors[name] for name in sorted(tensors))
        log = Log.of_run(run, 0) if world.leader else Log.in_memory(b"")
        return Tally(), Clock(0.0, checkpoint_seconds), log, ()
    if position.digest != digest:
        raise UserError(
            f"The checkpoint in {str(run)!r} belongs to another training than its run.json. "
            "Give another folder, or remove it to start anew."
        )
    learner.restore(world.sent_tensors(found[1] if found else None))
    learner.micro_batches = position.micro_batches
    own = Log.of_run(run, position.log_offset) if world.leader else None
    content = world.sent(own.content if own else None)
    log = own or Log.in_memory(content)
    if log.offset < position.log_offset or log.unreadable:
        notes += (f"log.jsonl was changed after step {position.step}; lines of it are missing",)
    tally = Tally(
        position.step, position.loss_sum, position.loss_count, position.skipped, position.rollbacks
    )
    notes += _other_conditions(position, world)
    return tally, Clock(position.seconds, checkpoint_seconds), log, notes


def _other_conditions(position: Position, world: World) -> tuple[str, ...]:
    """Keep the threads that the run was started with; say what else gives other digits."""
    notes: tuple[str, ...] = ()
    asked = torch.get_num_threads()
    if position.threads != asked:
        torch.set_num_threads(position.threads)
        notes += (
            f"used {position.threads} threads as the run was started with, not {asked}: "
            "another number gives other weights",
        )
    if position.processes != world.size:
        notes += (
            f"{world.size} processes go on with a run of {position.processes}: the weights differ "
            "in the last digits from those of an uninterrupted run",
        )
    return notes


def _check_teacher(recipe: Recipe, teacher: nn.Module | None) -> None:
    if recipe.distillation and teacher is None:
        raise UserError(
            f"distillation={recipe.distillation:g} of recipe {recipe.name!r} needs a teacher. "
            "Give a bundle with --teacher."
        )
    if teacher is not None and not recipe.distillation:
        raise UserError(
            f"A teacher is given, but recipe {recipe.name!r} has distillation=0. Set it with "
            "--set distillation=0.5."
        )


def _check_fit(
    spec: Mapping[str, Any], train: Images, val: Images | None, preprocessing: Preprocessing
) -> None:
    """Say what does not fit before any work is done."""
    takes = (spec.get("in_channels"), spec.get("input_side"))
    gives = (preprocessing.channels, preprocessing.side)
    if takes != gives:
        raise UserError(
            f"The net takes {takes[0]} channels and {takes[1]} pixels a side, the preprocessing "
            f"gives {gives[0]} and {gives[1]}. Change in_channels and input_side of the spec."
        )
    if len(train) == 0:
        raise UserError("There is no training image. Give a data set with at least one.")
    classes = spec.get("num_classes", 0)
    for what, pixels in (("training", train), ("validation", val)):
        labels = np.asarray(pixels.labels if pixels is not None else ())
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise UserError(
                f"The {what} images have labels from {labels.min()} to {labels.max()}, the net has "
                f"{classes} classes. Change num_classes of the spec to {labels.max() + 1}."
            )


def _as_built(net: nn.Module) -> nn.Module:
    """In torch's usual memory order and ready to be trained further, but in eval mode."""
    net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # no stub
    return net.requires_grad_(True).eval()
