"""`convatlas check`: every printed figure, recomputed."""

from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, say
from convatlas.cli._figures import print_figures

if TYPE_CHECKING:
    from convatlas.analysis import Outcome

_OUTCOMES: "tuple[Outcome, ...]" = (
    "exact",
    "rounds",
    "truncates",
    "explained",
    "open",
    "unexplained",
)


def command(
    pattern: Annotated[str, typer.Argument(help="Variants or a family: resnet*, vgg_d.")] = "*",
    slips: Annotated[
        bool, typer.Option("--slips", help="What the notes get wrong, and what is right.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Recompute every figure that the papers print; exit code 1 if one differs unexplained."""
    if slips:
        _show_slips(pattern, as_json)
        return
    from convatlas.analysis import check_facts
    from convatlas.errors import CheckFailed

    begun = monotonic()
    rows = check_facts(pattern)
    seconds = monotonic() - begun
    if as_json:
        print_json([row.as_dict() for row in rows])
    else:
        print_figures(rows, with_net=True)
        nets = len({row.fact.variant for row in rows})
        counts = Counter(row.outcome for row in rows)
        told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _OUTCOMES)
        say(f"{len(rows)} figures of {nets} nets in {seconds:.1f} s: {told}")
    wrong = [row for row in rows if not row.passed]
    if wrong:
        raise CheckFailed(
            f"{len(wrong)} of {len(rows)} figures differ without a cause: "
            + ", ".join(f"{row.fact.variant} {row.label}" for row in wrong[:5])
        )


def _show_slips(pattern: str, as_json: bool) -> None:
    from convatlas.analysis import check_slips
    from convatlas.errors import UserError
    from convatlas.facts.slips import SLIPS

    if pattern != "*":
        raise UserError(f"--slips shows all of them; leave {pattern!r} away.")
    rows = check_slips(SLIPS)
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    print_table(
        ["where", "of", "printed", "right", "why"],
        [[r.slip.where, r.slip.subject, r.slip.printed, r.right, r.slip.why] for r in rows],
    )
    say(f"{len(rows)} slips of the notes")
