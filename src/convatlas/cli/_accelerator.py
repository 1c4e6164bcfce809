"""What a net takes on an accelerator: the printing of `cost --accelerator`."""

import sys
from textwrap import fill
from typing import TYPE_CHECKING, Any

from convatlas.cli._console import print_table, say

if TYPE_CHECKING:
    from convatlas.analysis import Graph
    from convatlas.analysis.accelerator import AcceleratorReport

ACCELERATOR_HELP = "Cycles and energy on an array: 8x8, 16x16, or any size as 12x14,108KB."
_WIDTH = 100
_SHORT = {"weight-stationary": "WS", "output-stationary": "OS", None: ""}


def accelerator_dict(graph: "Graph", size: str) -> dict[str, Any]:
    """The figures for JSON; `size` as it was typed."""
    from convatlas.analysis.accelerator import parse_accelerator, simulate

    return simulate(graph, parse_accelerator(size)).as_dict()


def print_accelerator(name: str, graph: "Graph", size: str) -> None:
    """Tables per layer and in total of the net `name`; `size` as it was typed."""
    from convatlas.analysis.accelerator import LEFT_OUT, MAPPINGS, parse_accelerator, simulate

    machine = parse_accelerator(size)
    best = simulate(graph, machine)
    alone = {each: simulate(graph, machine, mapping=each).cycles for each in MAPPINGS}
    _print_layers(best)
    levels = best.energy
    print_table(
        [name, machine.label],
        [
            ["mult-adds", f"{best.mult_adds:,}"],
            ["cycles, the better mapping per layer", f"{best.cycles:,}"],
            *([f"cycles, all {each}", f"{cycles:,}"] for each, cycles in alone.items()),
            ["cycles if every multiplier always worked", f"{_over(best):,}"],
            ["utilisation", f"{100 * best.utilisation:.1f} %"],
            ["energy (one multiply-accumulate = 1)", f"{best.total_energy:,.0f}"],
            *(
                [f"  {level.replace('_', '-')}", f"{100 * part / best.total_energy:.1f} %"]
                for level, part in levels.items()
                if best.total_energy
            ),
        ],
    )
    sys.stdout.write(f"\n{fill(LEFT_OUT, _WIDTH)}\n")
    if best.unmapped:
        say(f"No loops are known for, and so nothing is counted of: {', '.join(best.unmapped)}.")


def _print_layers(report: "AcceleratorReport") -> None:
    print_table(
        ["layer", "kind", "mapping", "cycles", "share", "utilisation", "limit", "energy", "DRAM"],
        [
            [
                row.name,
                row.label,
                _SHORT[row.mapping],
                f"{row.cycles:,}",
                f"{100 * row.cycles / max(report.cycles, 1):.1f} %",
                f"{100 * row.utilisation:.1f} %" if row.mapping else "-",
                "DRAM" if row.dram_bound else "array" if row.mapping else "buffer",
                f"{row.total_energy:,.0f}",
                f"{row.dram_words:,}",
            ]
            for row in report.rows
        ],
    )


def _over(report: "AcceleratorReport") -> int:
    return -(-report.mult_adds // report.machine.elements)
