"""`convatlas predict`: classes of image files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, say


def command(
    model: Annotated[Path, typer.Argument(help="A .bundle or an .onnx file.")],
    files: Annotated[list[Path], typer.Argument(help="Image files.")],
    top: Annotated[int, typer.Option(help="Classes to print for each image.", min=1)] = 3,
    threads: Annotated[int, typer.Option(help="Threads.", min=1, max=1024)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Print the likeliest classes of each file; exit code 2 if one could not be read."""
    from convatlas.device import open_model
    from convatlas.errors import UserError

    opened = open_model(model, threads=threads)
    found = [_classify(opened, file, top) for file in files]
    unread = [row["error"] for row in found if row["error"]]
    if as_json:
        print_json(found)
    elif len(unread) < len(found):
        print_table(["file", "class", "probability"], _rows(found))
    for reason in unread:
        say(reason)
    if unread:
        raise UserError(f"{len(unread)} of {len(found)} files could not be read.")


def _rows(found: list[dict[str, Any]]) -> list[list[str]]:
    """A row for each class; the file is named in its first."""
    return [
        ["" if place else row["file"], answer["class"], f"{answer['probability']:.4f}"]
        for row in found
        for place, answer in enumerate(row["classes"])
    ]


def _classify(opened: Any, file: Path, top: int) -> dict[str, Any]:
    from convatlas.data import load_image, normalise
    from convatlas.errors import UserError

    try:
        image = load_image(file, opened.preprocessing)
    except UserError as error:
        return {"file": str(file), "classes": [], "error": str(error)}
    batch = normalise(image[None].copy(), opened.preprocessing).numpy()  # a decoded one is locked
    shares = opened.probabilities(batch)[0]
    best = (-shares).argsort(kind="stable")[:top]
    answers = [{"class": opened.classes[i], "probability": float(shares[i])} for i in best]
    return {"file": str(file), "classes": answers, "error": None}
