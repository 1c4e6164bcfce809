"""Guideline 2: convolutions in groups move more for the same mult-adds."""

from convatlas.analysis.design_rules._access import access_rows
from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found
from convatlas.analysis.doctor._time import BYTES, seconds

RULE = Rule(
    kind="groups",
    unit="times",
    meaning="the least memory access that as many mult-adds take without groups",
    limit=1.25,
    why="as much above the bound as widths of 1 : 4; two groups of wide layers stay below",
    advice="use fewer groups and fewer channels at equal mult-adds",
    source="ShuffleNet v2 (arXiv:1807.11164), guideline 2",
)


def groups(case: Case) -> Finding | None:
    """Grouped convolutions, beside a dense one of as many mult-adds between equal widths.

    Depthwise convolutions, which no dense one replaces, are left to the memory-bound layers.
    `lost` is the time above the dense one's.
    """
    layers = []
    for access in access_rows(case.graph, case.conv_rows):
        if access.groups == 1 or access.groups == case.row[access.name].in_shape[0]:
            continue
        dense = seconds(
            case.machine,
            compute_s=access.mult_adds / case.machine.rate(None),
            memory_bytes=BYTES * access.dense_bound,
        )
        layers.append(
            Affected(
                name=access.name,
                figure=access.access / access.dense_bound,
                share=case.share(access.name),
                lost=max(0.0, case.time[access.name].seconds - dense) / case.seconds,
                remark=f"{access.groups} groups",
            )
        )
    return found(RULE, layers)
