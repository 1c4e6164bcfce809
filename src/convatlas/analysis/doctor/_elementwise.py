"""Guideline 4: operations that touch every element and compute next to nothing."""

from collections import defaultdict

from torch import nn

from convatlas.analysis._counting import ELEMENTWISE
from convatlas.analysis._elsewhere import ELEMENTWISE_CALLS
from convatlas.analysis._graph import Node
from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found

RULE = Rule(
    kind="element-wise operations",
    unit="part",
    meaning="of the predicted time is spent on additions, activations, norms and gates",
    limit=0.1,
    why="below a tenth of the time, removing all of them gains less than 1.11 times",
    advice="fold batch norm into its convolution (`convatlas export` does); fewer activations and "
    "additions on wide maps",
    source="ShuffleNet v2 (arXiv:1807.11164), guideline 4",
)
_KINDS = ELEMENTWISE | ELEMENTWISE_CALLS


def elementwise(case: Case) -> Finding | None:
    """Kinds of element-wise operations by their part of the time.

    `lost` is what folding saves: batch norms that alone read a convolution.
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for node in case.graph.nodes[1:]:
        if node.kind in _KINDS:
            kinds[case.time[node.name].kind].append(node.name)
    layers = []
    for kind, names in kinds.items():
        folded = [name for name in names if _folds(case, case.graph[name])]
        layers.append(
            Affected(
                name=kind,
                figure=case.share(*names),
                share=case.share(*names),
                lost=case.share(*folded),
                remark=f"{len(names)} operations" + (f", {len(folded)} fold" if folded else ""),
            )
        )
    return found(RULE, layers, figure=sum(layer.share for layer in layers))


def _folds(case: Case, node: Node) -> bool:
    if not isinstance(node.module, nn.BatchNorm2d):
        return False
    source = case.source(node)
    return isinstance(source.module, nn.Conv2d) and len(case.graph.consumers[source.name]) == 1
