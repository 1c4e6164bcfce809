"""`convatlas cost`: what a net costs, before it runs."""

from typing import Annotated

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table
from convatlas.cli._fixed import refuse_changes
from convatlas.cli._target import Changes, build_net


def command(
    net: Annotated[
        str, typer.Argument(help="A variant (`convatlas models` lists them) or a .bundle.")
    ],
    side: Annotated[int | None, typer.Option(help="Side of the square input.")] = None,
    width: Annotated[float | None, typer.Option(help="Width multiplier.")] = None,
    channels: Annotated[int | None, typer.Option(help="1 for grey, 3 for colour.")] = None,
    classes: Annotated[int | None, typer.Option(help="Number of classes.")] = None,
    layers: Annotated[bool, typer.Option(help="A row for each layer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Count parameters, mult-adds, activations and memory without running the net."""
    from convatlas.analysis import cost, without_weights
    from convatlas.device import format_bytes
    from convatlas.errors import UserError

    changes = Changes(side=side, width=width, channels=channels, classes=classes)
    refuse_changes(net, changes)
    if net.endswith(".onnx"):
        raise UserError(f"{net!r} cannot be counted. Give the bundle that it was exported from.")
    with without_weights():
        built, shape = build_net(net, changes)
    report = cost(built, shape)
    if as_json:
        print_json(report.as_dict())
        return
    if layers:
        print_table(
            ["layer", "kind", "output", "params", "mult-adds", "memory access", "field"],
            [
                [
                    row.name,
                    row.kind,
                    "x".join(map(str, row.out_shape)),
                    f"{row.params:,}",
                    f"{row.mult_adds:,}",
                    f"{row.memory_access:,}",
                    row.receptive_field,
                ]
                for row in report.rows
            ],
        )
    print_table(
        [net, "x".join(map(str, shape))],
        [
            ["params", f"{report.params:,}"],
            ["mult-adds", f"{report.mult_adds:,}"],
            ["activations", f"{report.activations:,}"],
            ["weights", format_bytes(report.weight_bytes)],
            ["peak inference memory", format_bytes(report.peak_memory_bytes)],
            ["counted", report.convention],
        ],
    )
