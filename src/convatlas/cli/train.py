"""`convatlas train`: one net on a person's images."""

from convatlas.cli import _training_options as options


def command(
    data: options.Data, net: options.Net, out: options.Out,
    recipe: options.Recipe = None, set_: options.Set = None,
    from_: options.From = None, graft: options.Graft = False, teacher: options.Teacher = None,
    width: options.Width = 1.0,
    side: options.Side = None, crop_share: options.CropShare = None,
    epochs: options.Epochs = None, steps: options.Steps = None, max_time: options.MaxTime = None,
    batch: options.Batch = None, learning_rate: options.LearningRate = None,
    threads: options.Threads = None, workers: options.Workers = None,
    compiled: options.Compile = False, checkpoint_every: options.CheckpointEvery = "20s",
    seed: options.Seed = 0, precision: options.Precision = None,
    unreadable: options.Unreadable = "skip",
    tensorboard: options.TensorBoard = False, dry_run: options.DryRun = False,
    overfit: options.Overfit = None, find_rate: options.FindRate = False,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Train a net, score it on the test images, write its bundle and OUT/report.html.

    Killed at any moment and started again with the same --out, it ends with the same weights.
    """
    from convatlas.cli import _training_trials as trials
    from convatlas.cli._duration import duration_of
    from convatlas.cli._training_run import run
    from convatlas.training import Lesson, read_changes

    rates = [] if learning_rate is None else [f"learning_rate={learning_rate!r}"]
    lesson = Lesson(
        data=data,
        variant=net,
        recipe=recipe or "",
        start=from_,
        graft=graft,
        teacher=teacher,
        changes=read_changes([*rates, *(set_ or ())]),
        width=width,
        side=side,
        crop_share=crop_share,
        epochs=epochs,
        steps=steps,
        max_seconds=None if max_time is None else duration_of("--max-time", max_time),
        batch_size=batch,
        threads=threads,
        workers=workers,
        compiled=compiled,
        checkpoint_seconds=duration_of("--checkpoint-every", checkpoint_every),
        seed=seed,
        precision=precision,
        unreadable=unreadable,
    )
    trials.refuse_several(dry_run=dry_run, overfit=overfit is not None, find_rate=find_rate)
    if dry_run:
        trials.try_everything(lesson, out, as_json=as_json)
    elif overfit is not None:
        trials.try_overfitting(lesson, overfit, out, as_json=as_json)
    elif find_rate:
        trials.try_rates(lesson, out, as_json=as_json)
    else:
        run(lesson, out, tensorboard=tensorboard, as_json=as_json)
