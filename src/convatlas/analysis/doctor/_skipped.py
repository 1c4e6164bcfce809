"""Windows smaller than their stride."""

import numpy as np

from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found
from convatlas.analysis.doctor._reads_pixels import reached
from convatlas.layers import ZeroPadShortcut

RULE = Rule(
    kind="stride skips the input",
    unit="part",
    meaning="of the input's pixels fall between the layer's windows",
    limit=0.5,
    why="a 1x1 window of stride 2 skips three quarters; a larger window of stride 2 next to none",
    advice="average the pixels before a 1x1 of stride 1, or put the stride into a 3x3 convolution",
    source="He et al. (arXiv:1512.03385), options A and B; He et al. (arXiv:1812.01187), ResNet-D",
    least_share=0.0,
)


def skipped(case: Case) -> Finding | None:
    """Convolutions and shortcuts that see only some of the pixels that they are given.

    `share` is the layer's own: what was computed for nothing is among the pixels never read, if
    no other layer reads it.
    """
    layers = []
    for node in case.graph.nodes[1:]:
        if node.kind not in ("Conv2d", "MaxPool2d", "AvgPool2d", "ZeroPadShortcut"):
            continue
        source = case.source(node)
        if isinstance(node.module, ZeroPadShortcut):
            seen = float(np.prod([-(-s // node.module.stride) / s for s in source.shape[1:]]))
        else:
            rows, columns = reached(node, source)
            seen = float(rows.mean() * columns.mean())
        layers.append(Affected(name=node.name, figure=1 - seen, share=case.share(node.name)))
    return found(RULE, layers)
