"""Training a net of the zoo on images, in a folder from which it can be taken up again."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from convatlas.data import Preprocessing, Progress
from convatlas.errors import UserError
from convatlas.files import locked
from convatlas.models import Spec, from_spec
from convatlas.training._batches import Batches
from convatlas.training._checkpoint import load_checkpoint
from convatlas.training._clock import Clock
from convatlas.training._images import Images
from convatlas.training._learner import Learner
from convatlas.training._log import Log
from convatlas.training._recipe import Recipe
from convatlas.training._result import TrainingResult
from convatlas.training._run import claim, describe, digest_of
from convatlas.training._surroundings import Reporter, borrowed
from convatlas.training._training import Tally, Training
from convatlas.training._validation import Validation


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
    threads: int | None = None,
    checkpoint_seconds: float = 20.0,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train `family`'s net of this spec by `recipe`; goes on by itself where `run` stopped.

    However often the process is stopped or killed, the weights are those of an uninterrupted run,
    bit for bit (same machine, versions and threads; a run keeps the threads it was started with).
    `run` then holds `run.json` (the settings), `checkpoint.safetensors`, the checkpoint before it,
    and `log.jsonl`. One that is finished gives its result at once.

    Args:
        threads: None takes as many as torch uses now.
        checkpoint_seconds: time between checkpoints; longer if they would take over 5 % of it.

    Raises:
        UserError: if `run` belongs to other settings or is in use, images do not fit the net, or
            the disk is full.
        Diverged: if the loss or a weight is not finite.
        KeyboardInterrupt: after SIGINT, with everything on disk.
        SystemExit: with code 143 after SIGTERM, with everything on disk.
    """
    fields = asdict(spec) if is_dataclass(spec) else dict(spec)
    _check_fit(fields, train_pixels, val_pixels, preprocessing)
    pixels = {"train": train_pixels, "val": val_pixels}
    settings = describe(family, variant, fields, preprocessing, recipe, pixels)
    digest = digest_of(settings)
    validation = Validation(val_pixels, preprocessing, recipe) if val_pixels is not None else None
    with borrowed(threads or torch.get_num_threads(), seed=recipe.seed):
        net = from_spec(family, fields)
        with locked(run):
            notes = claim(run, settings)
            learner = Learner(net, recipe)
            tally, clock, log, more = _taken_up(run, learner, digest, checkpoint_seconds)
            with closing(log):
                Training(
                    learner=learner,
                    batches=Batches(train_pixels, preprocessing, recipe),
                    validation=validation,
                    run=run,
                    digest=digest,
                    log=log,
                    tally=tally,
                    clock=clock,
                    reporter=Reporter(progress),
                    saved_step=tally.step,
                ).to_the_end()
    return TrainingResult(
        net=_as_built(learner.average.net),
        recipe=recipe,
        steps=tally.step,
        seconds=clock.seconds,
        history=log.of("training"),
        validation=log.of("validation"),
        notes=(*notes, *more),
    )


def _taken_up(
    run: Path, learner: Learner, digest: str, checkpoint_seconds: float
) -> tuple[Tally, Clock, Log, tuple[str, ...]]:
    """The state of `run`, or that of one that has not begun, with notes on it."""
    found = load_checkpoint(run)
    if found is None:
        return Tally(), Clock(0.0, checkpoint_seconds), Log(run, 0), ()
    position, tensors, notes = found
    if position.digest != digest:
        raise UserError(
            f"The checkpoint in {str(run)!r} belongs to another training than its run.json. "
            "Give another folder, or remove it to start anew."
        )
    learner.restore(tensors)
    log = Log(run, position.log_offset)
    if log.offset < position.log_offset or log.unreadable:
        notes += (f"log.jsonl was changed after step {position.step}; lines of it are missing",)
    asked = torch.get_num_threads()
    if position.threads != asked:
        torch.set_num_threads(position.threads)
        notes += (
            f"used {position.threads} threads as the run was started with, not {asked}: "
            "another number gives other weights",
        )
    tally = Tally(position.step, position.loss_sum, position.loss_count)
    return tally, Clock(position.seconds, checkpoint_seconds), log, notes


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
    net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return net.requires_grad_(True).eval()
