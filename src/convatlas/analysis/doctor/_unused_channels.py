"""Channels that are computed and that nothing reads."""

from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found

RULE = Rule(
    kind="channels never read",
    unit="part",
    meaning="of the layer's channels reach no output",
    limit=1e-9,
    why="any is computed for nothing",
    advice="leave these channels out of the layer",
    source="counted: splits, selections and groups are followed back from the output",
    least_share=0.0,
)


def unused_channels(case: Case) -> Finding | None:
    """Layers of which some channels have no way to the output; `lost` is their part of the time."""
    layers = []
    for node in case.graph.nodes[1:]:
        unread = 1 - float(case.channels_read[node.name].mean())
        if not unread or not case.time[node.name].seconds:
            continue
        share = case.share(node.name)
        layers.append(Affected(name=node.name, figure=unread, share=share, lost=unread * share))
    return found(RULE, layers)
