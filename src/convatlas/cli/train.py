"""`convatlas train`: one net on a person's images."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, progress, resumable


def command(
    data: Annotated[str, typer.Argument(help="digits, fashion-mnist, or a folder of images.")],
    net: Annotated[str, typer.Option(help="A variant; `convatlas models` lists them.")],
    out: Annotated[Path, typer.Option(help="Directory of the run.")],
    width: Annotated[float, typer.Option(help="Width multiplier.")] = 1.0,
    side: Annotated[int | None, typer.Option(help="Side of the input; the data's own.")] = None,
    crop_share: Annotated[
        float | None, typer.Option(help="Below 1: train on random crops of larger images.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the training images.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps, instead of --epochs.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images in a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads; all cores.", max=1024)] = None,
    seed: Annotated[int, typer.Option(help="Of splits, weights and order.")] = 0,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"] | None,
        typer.Option(help="auto: the faster here, measured; by default the recipe's."),
    ] = None,
    unreadable: Annotated[
        Literal["skip", "refuse"], typer.Option(help="Images that cannot be read.")
    ] = "skip",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Train a net, score it on the test images, write its bundle.

    Killed at any moment and started again with the same --out, it ends with the same weights.
    """
    from convatlas.training import Lesson, teach

    lesson = Lesson(
        data=data,
        variant=net,
        width=width,
        side=side,
        crop_share=crop_share,
        epochs=epochs,
        steps=steps,
        batch_size=batch,
        changes={} if learning_rate is None else {"learning_rate": learning_rate},
        threads=threads,
        seed=seed,
        precision=precision,
        unreadable=unreadable,
    )
    with progress() as shown, resumable():
        result = teach(lesson, out, progress=shown, say=shown.say)
    if as_json:
        print_json(result)
        return
    print_table(
        ["net", f"{net} x{width:g} at {result['side']}x{result['side']}"],
        [
            ["steps", f"{result['steps']:,}"],
            ["test accuracy", f"{100 - result['test']['top1_error']:.2f} %"],
            ["bundle", result["bundle"]],
        ],
    )
