"""`convatlas show`: a net as its paper's table."""

from dataclasses import asdict
from typing import Annotated

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table
from convatlas.cli._figures import print_figures
from convatlas.cli._target import Changes, build_net


def command(
    net: Annotated[str, typer.Argument(help="A variant; `convatlas models` lists them.")],
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Print a net's stages, its spec, and its printed figures beside recomputed ones."""
    from convatlas import models
    from convatlas.analysis import check_facts, stages, without_weights

    family = models.family_of(net)
    with without_weights():
        built, shape = build_net(net, Changes())
    table = stages(built, shape)
    facts = [c for c in check_facts(net) if c.fact.variant == net]  # a family may share the name
    spec = asdict(models.spec_of(net))
    if as_json:
        print_json(
            {
                "variant": net,
                "family": family.name,
                "paper": asdict(family.paper),
                "spec": spec,
                "stages": [asdict(stage) for stage in table],
                "facts": [checked.as_dict() for checked in facts],
            }
        )
        return
    paper = family.paper
    print_table(
        ["stage", "output", "params", "mult-adds"],
        [
            [s.name, "x".join(map(str, s.out_shape)), f"{s.params:,}", f"{s.mult_adds:,}"]
            for s in table
        ],
        title=f"{net} ({paper.title}, {paper.venue}, {paper.link})",
    )
    print_table(["spec", ""], [[name, value] for name, value in spec.items()])
    if facts:
        print_figures(facts, with_net=False)
