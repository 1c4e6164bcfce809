"""`convatlas import`: a checkpoint of torchvision or timm as a bundle."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, say


def command(
    file: Annotated[Path, typer.Argument(help="A .safetensors, .pth, .pt or .bin file.")],
    variant: Annotated[
        str | None, typer.Option("--as", help="Our net; without it, those that fit are listed.")
    ] = None,
    library: Annotated[
        Literal["torchvision", "timm"] | None,
        typer.Option(help="Whose net it is, where the tensors' names leave it open."),
    ] = None,
    classes: Annotated[
        Path | None, typer.Option(help="A text file: a class name per line.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The bundle; beside the file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Turn a checkpoint of torchvision or timm into a bundle; nothing in the file is run."""
    from convatlas.errors import UserError
    from convatlas.foreign import import_checkpoint, read_checkpoint, read_classes, ways_to_import

    path = out or file.parent / f"{file.stem}.bundle"
    if variant is None:
        told = ways_to_import(read_checkpoint(file), path, library=library, classes=classes)
        raise UserError(told)
    names = None if classes is None else read_classes(classes)
    found = import_checkpoint(file, path, variant=variant, library=library, classes=names)
    if found.checkpoint.also_there:
        others = ", ".join(map(repr, found.checkpoint.also_there))
        say(f"the file holds {others} as well; taken was {found.checkpoint.taken_from!r}")
    if as_json:
        print_json(found.as_dict())
        return
    images = found.preprocessing
    print_table(
        ["bundle", str(path)],
        [
            ["from", str(file)],
            ["net", f"{found.info.variant} ({found.their_name})"],
            ["classes", f"{len(found.info.classes):,}"],
            ["images", f"{images.side} pixels cut from {images.stored_side}"],
            ["mean", ", ".join(f"{v:g}" for v in images.mean)],
            ["std", ", ".join(f"{v:g}" for v in images.std)],
        ],
    )
