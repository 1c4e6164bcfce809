"""`convatlas models`: what can be built."""

from typing import Annotated, Any

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table


def command(
    pattern: Annotated[str, typer.Argument(help="A shell pattern: shuffle*.")] = "*",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """List the variants of the zoo with their papers."""
    from convatlas.errors import UnknownName
    from convatlas.models import family_of, find, spec_of

    names = find(pattern)
    if not names:
        raise UnknownName("variant", pattern, find(), "`convatlas models`")
    rows: list[dict[str, Any]] = []
    for name in names:
        family, spec = family_of(name), spec_of(name)
        rows.append(
            {
                "variant": name,
                "family": family.name,
                "paper": f"{family.paper.title}, {family.paper.venue}",
                "link": family.paper.link,
                "input": [spec.in_channels, spec.input_side, spec.input_side],
                "num_classes": spec.num_classes,
            }
        )
    if as_json:
        print_json(rows)
        return
    print_table(
        ["variant", "family", "input", "classes", "paper"],
        [
            [
                r["variant"],
                r["family"],
                "x".join(map(str, r["input"])),
                r["num_classes"],
                r["paper"],
            ]
            for r in rows
        ],
    )
