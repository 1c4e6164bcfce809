"""`convatlas models`: what can be built."""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import typer

import convatlas
from convatlas.cli._console import JSON_HELP, print_json, print_table

# Written by benchmarks/counts.py; a test holds it against the nets.
CATALOGUE = Path(convatlas.__file__).with_name("models") / "counts.json"


def command(
    pattern: Annotated[str, typer.Argument(help="A shell pattern: shuffle*.")] = "*",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """List the variants of the zoo: parameters, mult-adds, input, paper."""
    from convatlas.errors import UnknownName

    catalogue = json.loads(CATALOGUE.read_text())
    rows = [
        {"variant": name, **entry, **catalogue["families"][entry["family"]]}
        for name, entry in catalogue["variants"].items()
        if fnmatchcase(name, pattern)
    ]
    if not rows:
        raise UnknownName("variant", pattern, catalogue["variants"], "`convatlas models`")
    if as_json:
        print_json(rows)
        return
    print_table(
        ["variant", "family", "params", "mult-adds", "input", "paper"],
        [_cells(row) for row in rows],
    )


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["variant"],
        row["family"],
        f"{row['params']:,}",
        f"{row['mult_adds']:,}",
        "x".join(map(str, row["input"])),
        f"{row['key']} ({row['link']})",
    ]
