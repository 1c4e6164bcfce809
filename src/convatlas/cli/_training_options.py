"""The options of `convatlas train`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from convatlas.cli._console import JSON_HELP

Data = Annotated[
    str, typer.Argument(help="digits, fashion-mnist, a folder of images, shards, a list, ...")
]
Net = Annotated[str, typer.Option(help="A variant; `convatlas models` lists them.")]
Out = Annotated[Path, typer.Option(help="Directory of the run.")]
Recipe = Annotated[
    str | None,
    typer.Option(
        help="A name of `convatlas recipes`, or FILE.json; small-data, with --from fine-tune."
    ),
]
From = Annotated[
    str | None,
    typer.Option("--from", help="Start from a bundle, a checkpoint or hub:OWNER/NAME[@REVISION]."),
]
Graft = Annotated[
    bool, typer.Option("--graft", help="--from is a shallower net: take its first layers and head.")
]
Teacher = Annotated[
    str | None, typer.Option(help="A bundle to distil from, with --set distillation=0.5.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="FIELD=VALUE of the recipe, or augmentation.FIELD=VALUE; repeat."),
]
Width = Annotated[float, typer.Option(help="Width multiplier.")]
Side = Annotated[int | None, typer.Option(help="Side of the input; the data's own.")]
CropShare = Annotated[
    float | None, typer.Option(help="Below 1: train on random crops of larger images.")
]
Epochs = Annotated[float | None, typer.Option(help="Passes over the training images.")]
Steps = Annotated[int | None, typer.Option(help="Steps, instead of --epochs.")]
MaxTime = Annotated[
    str | None, typer.Option(help="90s, 10m, 2h: as many steps as fit, by their measured pace.")
]
Batch = Annotated[int | None, typer.Option(help="Images in a step; the recipe's rate follows it.")]
LearningRate = Annotated[float | None, typer.Option(help="Peak learning rate, not scaled.")]
Threads = Annotated[int | None, typer.Option(help="Threads; all cores.", max=1024)]
Workers = Annotated[
    int | None, typer.Option(help="Threads that decode images; never changes the weights.")
]
Compile = Annotated[
    bool, typer.Option("--compile", help="torch.compile the step; seldom pays on a CPU.")
]
CheckpointEvery = Annotated[str, typer.Option(help="Time between checkpoints: 20s, 5m.")]
Seed = Annotated[int, typer.Option(help="Of splits, weights and order.")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"] | None,
    typer.Option(help="auto: the faster here, measured; by default the recipe's."),
]
Unreadable = Annotated[Literal["skip", "refuse"], typer.Option(help="Images that cannot be read.")]
TensorBoard = Annotated[
    bool, typer.Option("--tensorboard", help="Write curves to OUT/tensorboard too.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Try every part in three steps and say what would run.")
]
Overfit = Annotated[
    int | None, typer.Option(help="Only see whether the net can learn this many images.")
]
FindRate = Annotated[
    bool, typer.Option("--find-rate", help="Only find a learning rate: OUT/rate.html.")
]
AsJson = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
