"""Guideline 1: a convolution between unequal widths moves more than its mult-adds must."""

from convatlas.analysis.design_rules._access import access_rows
from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found
from convatlas.analysis.doctor._time import BYTES, seconds

RULE = Rule(
    kind="unequal widths",
    unit="times",
    meaning="the least memory access of the layer's mult-adds",
    limit=1.25,
    why="a 1x1 convolution between widths of 1 : 4; 1 : 2, which widening a stage takes, is 1.06",
    advice="bring the layer's input and output channels nearer to each other",
    source="ShuffleNet v2 (arXiv:1807.11164), guideline 1, Eq. 2",
)


def unequal_widths(case: Case) -> Finding | None:
    """Convolutions that exceed 2 sqrt(h w B) + B / (h w), the least access of B mult-adds.

    The first layer is left out: its input is as wide as the image. `lost` is what the layer would
    save at the bound, which is nothing where it waits for computing.
    """
    layers = []
    for access in access_rows(case.graph, case.conv_rows):
        if case.source(case.graph[access.name]) is case.graph.input:
            continue
        time = case.time[access.name]
        least = seconds(case.machine, compute_s=time.compute_s, memory_bytes=BYTES * access.bound)
        layers.append(
            Affected(
                name=access.name,
                figure=access.access / access.bound,
                share=case.share(access.name),
                lost=max(0.0, time.seconds - least) / case.seconds,
            )
        )
    return found(RULE, layers)
