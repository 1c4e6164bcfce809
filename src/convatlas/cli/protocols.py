"""`convatlas protocols`: how images can be shown to a net when it is scored."""

from typing import Annotated

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table


def command(
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """List the protocols and the ways to prepare pixels that `evaluate` takes."""
    from convatlas.evaluation import PRESETS
    from convatlas.evaluation.protocols import OPTIONS, POLICY, listing

    protocols = listing()
    pixels = {name: says for name, (_, says) in PRESETS.items()}
    if as_json:
        rows = [row._asdict() for row in protocols]
        print_json(
            {"protocols": rows, "options": OPTIONS, "preprocessing": pixels, "policy": POLICY}
        )
        return
    print_table(["--protocol", "what the net sees", "paper"], protocols)
    print_table(["in brackets", ""], list(OPTIONS.items()))
    print_table(["--preprocessing", "what becomes of the pixels"], list(pixels.items()))
    print_table(
        ["", ""], [["what is left out", "as the net was trained"], ["other images", POLICY]]
    )
