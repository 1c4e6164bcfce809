"""`convatlas predict`: classes of image files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, say


def command(
    model: Annotated[Path, typer.Argument(help="A .bundle or an .onnx file.")],
    files: Annotated[list[Path], typer.Argument(help="Image files.")],
    top: Annotated[int, typer.Option(help="Classes to print for each image.", min=1)] = 3,
    threads: Annotated[int, typer.Option(help="Threads.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Print the likeliest classes of each file; exit code 2 if one could not be read."""
    from convatlas.device import open_model
    from convatlas.errors import UserError

    opened = open_model(model, threads=threads)
    found = [_classify(opened, file, top) for file in files]
    if as_json:
        print_json(found)
    else:
        print_table(
            ["file", "class", "probability"],
            [
                [row["file"], answer["class"], f"{answer['probability']:.4f}"]
                for row in found
                for answer in row["classes"]
            ],
        )
    unread = [row for row in found if row["error"]]
    for row in unread:
        say(row["error"])
    if unread:
        raise UserError(f"{len(unread)} of {len(found)} files could not be read.")


def _classify(opened: Any, file: Path, top: int) -> dict[str, Any]:
    from convatlas.data import load_image, normalise
    from convatlas.errors import UserError

    try:
        image = load_image(file, opened.preprocessing)
    except UserError as error:
        return {"file": str(file), "classes": [], "error": str(error)}
    batch = normalise(image[None], opened.preprocessing).numpy()
    shares = opened.probabilities(batch)[0]
    best = shares.argsort()[::-1][:top]
    answers = [{"class": opened.classes[i], "probability": float(shares[i])} for i in best]
    return {"file": str(file), "classes": answers, "error": None}
