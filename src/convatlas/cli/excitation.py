"""`convatlas excitation`: what the gates of squeeze-and-excitation do."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, progress, say


def command(
    model: Annotated[Path, typer.Argument(help="A .bundle of a net with SE blocks.")],
    data: Annotated[str, typer.Argument(help="digits, fashion-mnist, images, shards, a list, ...")],
    out: Annotated[Path | None, typer.Option(help="Write the curves to this HTML file.")] = None,
    classes: Annotated[
        str, typer.Option(help="Classes to draw, with commas; otherwise the five largest.")
    ] = "",
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Part of the data to look at.")
    ] = "test",
    threads: Annotated[int, typer.Option(help="Threads.", min=1, max=1024)] = 1,
    seed: Annotated[int, typer.Option(help="Of the splits, as in training.")] = 0,
    unreadable: Annotated[
        Literal["skip", "refuse"], typer.Option(help="Images that cannot be read.")
    ] = "refuse",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Measure the gates of every SE block, per class and depth."""
    from tempfile import TemporaryDirectory

    from convatlas import bundle
    from convatlas.data import labelled_as, open_dataset, prepare
    from convatlas.errors import UnknownName
    from convatlas.evaluation import excitation, excitation_blocks
    from convatlas.reports import check_page, write_excitation

    if out is not None:
        check_page(out)
    loaded = bundle.load(model)
    excitation_blocks(loaded.net)  # a net without any is told before the images are read
    names, made = tuple(loaded.info.classes), loaded.preprocessing
    drawn = tuple(filter(None, (one.strip() for one in classes.split(","))))
    for unknown in (one for one in drawn if one not in names):
        raise UnknownName("class", unknown, names, f"`convatlas evaluate {model} {data}`")
    with progress() as shown, TemporaryDirectory(prefix="convatlas-") as cache:
        dataset = open_dataset(data, seed=seed, unreadable=unreadable, progress=shown)
        chosen = labelled_as(dataset, split, names)
        pixels = prepare(chosen, made, cache=Path(cache), threads=threads, progress=shown)
        found = excitation(loaded.net, pixels, made, names, threads=threads, progress=shown)
    if out is not None:
        write_excitation(found, out, model=loaded.info.name, drawn=drawn)
        say(f"written: {out}")
    if as_json:
        print_json(found.as_dict())
        return
    print_table(
        ["block", "gates", "mean", "between classes", "within a class", "saturated"],
        [
            [b.name, b.channels, *(f"{v:.3f}" for v in (b.level, b.between, b.within)),
             f"{100 * b.saturated:.0f} %"]
            for b in found.blocks
        ],
    )  # fmt: skip
