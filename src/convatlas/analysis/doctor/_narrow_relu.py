"""Layers that take channels away and then set half of what is left to zero."""

from convatlas.analysis._graph import Node
from convatlas.analysis.design_rules._relu import relu_embeddings
from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found

RULE = Rule(
    kind="ReLU in a narrow layer",
    unit="times",
    meaning="fewer channels than those that feed it, then rectified",
    limit=2.0,
    why="with half of the channels or fewer, every one holds what no other does, and ReLU drops "
    "its negative half",
    advice="leave the narrow layer linear, as MobileNet v2 does",
    source="MobileNet v2 (arXiv:1801.04381), Sec. 3.2 and Fig. 1",
    least_share=0.0,
)
_WIDEST_SHOWN = 30  # dimensions of the figure's last picture


def narrow_relu(case: Case) -> Finding | None:
    """ReLUs behind a convolution with fewer channels, where nothing passes beside them.

    A narrow branch beside a shortcut is none: the shortcut still has what ReLU drops. For up to 30
    channels the remark says what the paper's experiment loses in as many.
    """
    layers = []
    for i, node in enumerate(case.graph.nodes):
        if node.kind not in ("ReLU", "ReLU6") or not case.narrows[i][1]:
            continue
        conv = _convolution_before(case, node)
        if conv is None:
            continue
        layers.append(
            Affected(
                name=node.name,
                figure=case.source(conv).shape[0] / conv.shape[0],
                share=case.share(conv.name, node.name),
                remark=_loss(conv.shape[0]),
            )
        )
    return found(RULE, layers)


def _convolution_before(case: Case, node: Node) -> Node | None:
    source = case.source(node)
    while source.kind in ("BatchNorm2d", "Identity", "Dropout"):
        source = case.source(source)
    return source if source.kind == "Conv2d" else None


def _loss(channels: int) -> str:
    if channels > _WIDEST_SHOWN:
        return f"{channels} channels"
    (embedding,) = relu_embeddings((channels,))
    return (
        f"{channels} channels: a curve put into as many and rectified comes back "
        f"{100 * embedding.error:.0f} % off, {100 * embedding.collapsed:.0f} % of it as nothing"
    )
