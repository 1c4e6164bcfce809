"""`convatlas check`: every printed figure, recomputed."""

from typing import Annotated

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table


def command(
    pattern: Annotated[str, typer.Argument(help="Variants or a family: resnet*, vgg_d.")] = "*",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Recompute every figure that the papers print; exit code 1 if one is wrong."""
    from convatlas.analysis import check_facts
    from convatlas.errors import CheckFailed, UnknownName
    from convatlas.models import find

    rows = check_facts(pattern)
    if not rows and not find(pattern):
        raise UnknownName("variant", pattern, find(), "`convatlas models`")
    if as_json:
        print_json([row.as_dict() for row in rows])
    else:
        print_table(
            ["net", "figure", "paper", "measured", "verdict", "source", "because"],
            [
                [
                    row.fact.variant,
                    row.label,
                    row.fact.printed,
                    f"{row.measured:,}",
                    row.verdict,
                    f"{row.fact.paper.key}, {row.fact.where}",
                    row.fact.because,
                ]
                for row in rows
            ],
        )
    wrong = [row for row in rows if not row.passed]
    if wrong:
        raise CheckFailed(
            f"{len(wrong)} of {len(rows)} figures differ without a cause: "
            + ", ".join(f"{row.fact.variant} {row.label}" for row in wrong[:5])
        )
