"""`convatlas cost`: what a net costs, before it runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from convatlas.cli._accelerator import ACCELERATOR_HELP
from convatlas.cli._console import JSON_HELP
from convatlas.cli._target import Changes

_NETS_HELP = "Variants (`convatlas models` lists them), .bundle folders, or file.py:make_net."
Optimizer = Literal["sgd", "momentum", "adam", "adamw", "rmsprop"]


def command(
    nets: Annotated[list[str], typer.Argument(help=_NETS_HELP)],
    input_shape: Annotated[
        str | None, typer.Option("--input", help="Channels x height x width: 3x224x224.")
    ] = None,
    side: Annotated[int | None, typer.Option(help="Side of the square input.")] = None,
    width: Annotated[float | None, typer.Option(help="Width multiplier.")] = None,
    channels: Annotated[int | None, typer.Option(help="1 for grey, 3 for colour.")] = None,
    classes: Annotated[int | None, typer.Option(help="Number of classes.")] = None,
    batch: Annotated[int, typer.Option(help="Images at a time, for bytes.")] = 1,
    dtype: Annotated[str, typer.Option(help="float32, float16, bfloat16, ..., for bytes.")] = (
        "float32"
    ),
    convention: Annotated[
        str, typer.Option(help="What mult-adds count: conv+linear, with-bias, doubled, thop, ...")
    ] = "conv+linear",
    layers: Annotated[bool, typer.Option(help="A row for each layer.")] = False,
    by: Annotated[
        Literal["type", "stage", "resolution"] | None, typer.Option(help="Shares of the whole.")
    ] = None,
    train: Annotated[bool, typer.Option(help="Memory of a training step.")] = False,
    optimizer: Annotated[Optimizer, typer.Option(help="Of the training step.")] = "momentum",
    ema: Annotated[bool, typer.Option(help="An average of the weights is kept.")] = False,
    autocast: Annotated[
        Literal["bfloat16", "float16"] | None, typer.Option(help="Mixed precision.")
    ] = None,
    memory_efficient: Annotated[
        bool, typer.Option(help="Dense layers recompute what they would keep.")
    ] = False,
    fits: Annotated[
        str | None, typer.Option(help="The largest training batch in this memory: 8GB.")
    ] = None,
    doctor: Annotated[bool, typer.Option(help="Which layers waste time, and why.")] = False,
    measure: Annotated[
        bool, typer.Option(help="Measure this machine for --doctor, a second.")
    ] = False,
    accelerator: Annotated[str | None, typer.Option(help=ACCELERATOR_HELP)] = None,
    chart: Annotated[Path | None, typer.Option(help="Write an HTML page of charts.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Count parameters, operations, memory and traffic without running the nets."""
    from convatlas.cli._cost_answers import Asked, answer
    from convatlas.cli._subject import parse_shape, subjects

    changes = Changes(
        side=side, width=width, channels=channels, classes=classes,
        memory_efficient=memory_efficient or None,
    )  # fmt: skip
    shape = None if input_shape is None else parse_shape(input_shape)
    asked = Asked(
        batch=batch, dtype=dtype, convention=convention.replace("-", " "), layers=layers, by=by,
        train=train or ema or bool(autocast) or fits is not None or optimizer != "momentum",
        optimizer=optimizer, ema=ema, autocast=autocast,
        fits=fits, doctor=doctor or measure, measure=measure, accelerator=accelerator, chart=chart,
        as_csv=as_csv, as_json=as_json,
    )  # fmt: skip
    answer(subjects(nets, changes, shape), asked)
