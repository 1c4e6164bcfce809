"""Places where the net keeps much less of the image at once."""

from math import prod

from torch import nn

from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found

FALL = Rule(
    kind="representation bottleneck",
    unit="times",
    meaning="fewer elements than the fewest before: later layers see no more of the image",
    limit=4.0,
    why="what halving the sides leaves when no channel is added; designs that fall gently, "
    "ResNet and MobileNet v2 among them, stay at 3 or less a layer",
    advice="reduce in several steps, or keep more channels where the sides halve",
    source="Inception v3 (arXiv:1512.00567), Sec. 2, principle 1",
    least_share=0.0,
)
POOL = Rule(
    kind="pooling before widening",
    unit="times",
    meaning="fewer elements after the pooling, at a width that grows only then",
    limit=3.5,
    why="a pooling that halves the sides leaves a quarter, of odd sides a little more",
    advice="a convolution of stride 2 beside the pooling, their channels joined",
    source="Inception v3 (arXiv:1512.00567), Sec. 5, Fig. 9 and 10",
    least_share=0.0,
)


def representation_bottleneck(case: Case) -> Finding | None:
    """Layers behind which far fewer elements exist than anywhere before.

    Counted are all elements that later layers read, so that a narrow branch beside a shortcut is
    none. The search ends with the last convolution of more than one pixel: then comes the answer,
    which is short.
    """
    nodes, layers = case.graph.nodes, []
    end = max((i for i, n in enumerate(nodes) if _is_spatial_conv(case, i)), default=0)
    fewest = prod(case.graph.input.shape)
    for i in range(1, end):
        elements, _ = case.narrows[i]
        if elements and fewest / elements >= FALL.limit:
            layers.append(_affected(case, i, fewest / elements))
        fewest = min(fewest, elements) or fewest
    return found(FALL, layers)


def pooling_before_widening(case: Case) -> Finding | None:
    """Poolings through which everything passes, before a layer of their side that widens."""
    layers = []
    for i, node in enumerate(case.graph.nodes):
        if not isinstance(node.module, nn.MaxPool2d | nn.AvgPool2d) or not case.narrows[i][1]:
            continue
        wider = _next_width(case, i)
        if wider > node.shape[0]:
            fall = prod(case.source(node).shape) / prod(node.shape)
            layers.append(_affected(case, i, fall, f"{node.shape[0]} channels, then {wider}"))
    return found(POOL, layers)


def _affected(case: Case, position: int, figure: float, remark: str = "") -> Affected:
    name = case.graph.nodes[position].name
    return Affected(name=name, figure=figure, share=case.share(name), remark=remark)


def _is_spatial_conv(case: Case, position: int) -> bool:
    node = case.graph.nodes[position]
    return isinstance(node.module, nn.Conv2d) and prod(case.source(node).shape[1:]) > 1


def _next_width(case: Case, position: int) -> int:
    """Channels of the next other width that everything passes through at the same side."""
    own = case.graph.nodes[position].shape
    for i, node in enumerate(case.graph.nodes[position + 1 :], start=position + 1):
        if not case.narrows[i][1]:
            continue
        if node.shape[1:] != own[1:]:
            break
        if node.shape[0] != own[0]:
            return node.shape[0]
    return own[0]
