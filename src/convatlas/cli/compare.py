"""`convatlas compare`: two nets on the same images, and whether one is better by more than luck."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from convatlas.cli._comparison import print_comparison
from convatlas.cli._console import JSON_HELP, print_json, progress, resumable, say


def command(
    a: Annotated[Path, typer.Argument(help="A .bundle or .onnx file.")],
    b: Annotated[Path, typer.Argument(help="The one to compare with it.")],
    data: Annotated[
        str, typer.Argument(help="digits, fashion-mnist, a folder of images, tar shards.")
    ],
    protocol: Annotated[
        str, typer.Option(help="Views and their average, as for evaluate.")
    ] = "single_crop",
    preprocessing: Annotated[
        str, typer.Option(help="Of the pixels, for both, as for evaluate.")
    ] = "own",
    split: Annotated[
        Literal["train", "val", "test", "all"] | None,
        typer.Option(help="Part of the data; otherwise test, or all of tar shards."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep scores here; killed, it goes on from them.")
    ] = None,
    processes: Annotated[int, typer.Option(help="That share the images.", min=1, max=1024)] = 1,
    threads: Annotated[int, typer.Option(help="Threads of each process.", min=1, max=1024)] = 1,
    seed: Annotated[int, typer.Option(help="Of the splits, as in training.")] = 0,
    unreadable: Annotated[
        Literal["skip", "refuse"], typer.Option(help="Images that cannot be read.")
    ] = "refuse",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Score two nets on the same images and test their difference (McNemar, exact)."""
    from tempfile import TemporaryDirectory

    from convatlas.device import Conditions, score_models
    from convatlas.evaluation import compare

    conditions = Conditions(
        protocol=protocol, preprocessing=preprocessing, part=split, seed=seed,
        unreadable=unreadable, threads=threads, processes=processes,
    )  # fmt: skip
    place = TemporaryDirectory(prefix="convatlas-") if out is None else resumable()
    with place as made, progress() as shown:
        folder = out or Path(str(made))
        scored = score_models([a, b], data, folder, conditions, progress=shown)
        found = compare(*scored.members)
    for note in scored.images.notes:
        say(note)
    lost = scored.members[0].unreadable
    for missing in lost:
        say(f"not scored, cannot be read: {missing.name} ({missing.reason})")
    if as_json:
        print_json({"unreadable": len(lost), **found.as_dict()})
    else:
        print_comparison(found)
