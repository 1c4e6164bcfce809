"""Layers that compute too little with what they move."""

from convatlas.analysis._counting import WEIGHTED
from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found
from convatlas.analysis.doctor._time import BYTES

RULE = Rule(
    kind="low arithmetic intensity",
    unit="times",
    meaning="fewer mult-adds per byte than the machine needs to be busy",
    limit=1.0,
    why="below the machine's balance, moving data takes longer than computing",
    advice="larger batches for linear layers; for depthwise ones a runtime that fuses them with "
    "their neighbours (`convatlas export`), or fewer channels",
    source="roofline: Williams et al., Communications of the ACM 52(4), 2009",
    least_share=0.05,
)


def low_intensity(case: Case) -> Finding | None:
    """Convolutions and linear layers below the machine's balance of mult-adds per byte.

    `lost` is their time beyond what the mult-adds take at the machine's full rate, be it for memory
    or because such work does not reach that rate.
    """
    layers = []
    for row in case.rows:
        if row.kind not in WEIGHTED or not row.mult_adds:
            continue
        intensity = row.mult_adds / (BYTES * row.memory_access)
        busy = row.mult_adds / case.machine.mult_adds_per_s
        layers.append(
            Affected(
                name=row.name,
                figure=case.machine.balance / intensity,
                share=case.share(row.name),
                lost=max(0.0, case.time[row.name].seconds - busy) / case.seconds,
                remark=f"{case.time[row.name].kind}: {intensity:.2f} mult-adds per byte",
            )
        )
    return found(RULE, layers)
