"""`convatlas predict`: classes of image files, and where in them the net looked."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from convatlas.cli._answers import Answers, saved_in
from convatlas.cli._console import JSON_HELP, progress, say
from convatlas.cli._heatmaps import heatmaps


def command(
    model: Annotated[Path, typer.Argument(help="A .bundle or an .onnx file.")],
    files: Annotated[list[Path], typer.Argument(help="Image files, and folders of them.")],
    top: Annotated[int, typer.Option(help="Classes to print for each image.", min=1)] = 3,
    save: Annotated[Path | None, typer.Option(help="Write every answer to a .jsonl file.")] = None,
    heatmap: Annotated[
        Literal["cam", "gradcam", "classmap"] | None,
        typer.Option(help="Draw what speaks for the class. Needs --out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the heat maps (PNG).")] = None,
    label: Annotated[
        str | None, typer.Option("--class", help="Class to draw; otherwise the likeliest.")
    ] = None,
    side: Annotated[
        int | None, typer.Option(help="Short side of pictures for --heatmap classmap.", max=4096)
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads.", min=1, max=1024)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
    json_lines: Annotated[bool, typer.Option("--json-lines", help="One JSON per image.")] = False,
) -> None:
    """Print the likeliest classes of each image; exit code 2 if one could not be read.

    Images are read as they come: memory does not grow with their number.
    """
    from convatlas.data import image_files
    from convatlas.device import open_model
    from convatlas.errors import UserError
    from convatlas.evaluation import classify

    places = list(map(str, files))
    drawing = heatmaps(model, places, method=heatmap, out=out, label=label, side=side)
    opened = open_model(model, threads=threads)
    counts = {place: sum(1 for _ in image_files([place])) for place in places}
    for place in (place for place, count in counts.items() if not count):
        say(f"no images below {place!r}")
    total = sum(counts.values())
    if not total:
        raise UserError("There is nothing to predict. Give image files, or folders of them.")
    with progress() as shown, saved_in(save) as saved:
        answers = Answers("json-lines" if json_lines else "json" if as_json else "table", saved)
        found = classify(
            opened.probabilities,
            image_files(places),
            classes=opened.classes,
            preprocessing=opened.preprocessing,
            top=top,
            threads=threads,
        )
        for answer in found:
            drawn = {}
            if drawing is not None:
                path = drawing.write(answer.file, answer.classes[0][0]) if answer.classes else None
                drawn = {"heatmap": None if path is None else str(path)}
            answers.add({**answer.as_dict(), **drawn})
            shown("predicting", answers.total, max(total, answers.total))
    answers.end()
    if answers.unread:
        raise UserError(f"{answers.unread:,} of {answers.total:,} files could not be read.")
