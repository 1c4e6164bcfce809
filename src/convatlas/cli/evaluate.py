"""`convatlas evaluate`: a trained net on labelled images."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, progress, say


def command(
    model: Annotated[Path, typer.Argument(help="A .bundle or an .onnx file.")],
    data: Annotated[str, typer.Argument(help="digits, fashion-mnist, or a folder of images.")],
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Part of the data to score.")
    ] = "test",
    threads: Annotated[int, typer.Option(help="Threads.", min=1, max=1024)] = 1,
    seed: Annotated[int, typer.Option(help="Of the splits, as in training.")] = 0,
    unreadable: Annotated[
        Literal["skip", "refuse"], typer.Option(help="Images that cannot be read.")
    ] = "refuse",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Score a trained net on a split; every image counts once."""
    from tempfile import TemporaryDirectory

    from convatlas.data import labelled_as, open_dataset, prepare
    from convatlas.device import open_model
    from convatlas.evaluation import evaluate

    opened = open_model(model, threads=threads)
    with progress() as shown, TemporaryDirectory(prefix="convatlas-") as cache:
        dataset = open_dataset(data, seed=seed, unreadable=unreadable, progress=shown)
        chosen = labelled_as(dataset, split, opened.classes)
        pixels = prepare(
            chosen, opened.preprocessing, cache=Path(cache), threads=threads, progress=shown
        )
        found = evaluate(
            opened.predict, pixels, opened.preprocessing, opened.classes, progress=shown
        )
    for note in dataset.notes:
        say(note)
    for missing in dataset.scan.unreadable:
        say(f"not scored, cannot be read: {missing.name} ({missing.reason})")
    if as_json:
        print_json({"unreadable": len(dataset.scan.unreadable), **found.as_dict()})
        return
    print_table(
        ["class", "images", "precision", "recall"],
        [[c.name, c.n, _percent(c.precision), _percent(c.recall)] for c in found.per_class],
    )
    print_table(
        ["", ""],
        [
            ["model", opened.name],
            ["protocol", found.protocol],
            ["images", f"{found.n:,}"],
            ["top-1 error", f"{found.top1_error:.2f} %"],
            ["top-5 error", "-" if found.top5_error is None else f"{found.top5_error:.2f} %"],
            ["loss", f"{found.loss:.4f}"],
            ["calibration error", f"{found.calibration_error:.4f}"],
        ],
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
