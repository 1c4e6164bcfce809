"""`convatlas check`: every printed figure, recomputed."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, say

if TYPE_CHECKING:
    from convatlas.analysis import Checked


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
        _print(rows)
    wrong = [row for row in rows if not row.passed]
    if wrong:
        raise CheckFailed(
            f"{len(wrong)} of {len(rows)} figures differ without a cause: "
            + ", ".join(f"{row.fact.variant} {row.label}" for row in wrong[:5])
        )


def _print(rows: "Sequence[Checked]") -> None:
    """The table, then the causes of what differs, each once, then the sum."""
    causes = list(dict.fromkeys(row.fact.because for row in rows if row.fact.because))
    print_table(
        ["net", "figure", "paper", "measured", "verdict", "source"],
        [
            [
                row.fact.variant,
                row.label,
                row.fact.printed,
                f"{row.measured:,}",
                row.verdict
                + (f" [{causes.index(row.fact.because) + 1}]" if row.fact.because else ""),
                f"{row.fact.paper.key}, {row.fact.where}",
            ]
            for row in rows
        ],
    )
    if causes:
        print_table(["", "because"], [[f"[{i}]", cause] for i, cause in enumerate(causes, 1)])
    counts = Counter(row.verdict for row in rows)
    say(f"{len(rows)} figures: " + ", ".join(f"{n} {name}" for name, n in counts.most_common()))
