"""How much activation memory is taken at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from convatlas.analysis._counting import IN_PLACE, VIEWS
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._scratch import scratch_elements


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest sum of activations that exist at the same time."""

    elements: int
    layer: str  # the node that runs then


def eager_peak(
    graph: Graph, batch: int, scratch: Callable[[Graph, Node, int], int] = scratch_elements
) -> Peak:
    """The peak in torch's eager mode, where a tensor lives as long as a variable names it.

    Views and layers that write in place allocate nothing. A caller's variable keeps a tensor alive
    though no later layer reads it: the block's input lives until the block returns.

    Args:
        scratch: elements that a node allocates and frees while it runs on a batch.
    """
    ends: dict[str, int] = {}
    for node in graph.nodes:
        ends[node.owner] = max(ends.get(node.owner, 0), node.dies)
    return _peak(graph, ends, batch, scratch)


def planned_peak(graph: Graph) -> Peak:
    """The peak for one image in a runtime that plans its memory, as inference engines do.

    The model: layers run one after the other; a layer's inputs and its output exist while it
    runs; an activation is freed after its last reader. Dropout, identity, flattening and splitting
    allocate nothing. Batch norm and activation functions write over their input when nothing reads
    it later and it is not the image. Scratch memory of convolutions is not included.
    """
    owners = _owners(graph)
    positions = {node.name: i for i, node in enumerate(graph.nodes)}
    last: dict[str, int] = {}
    for node in graph.nodes:
        ends = max([positions[node.name], *(positions[c.name] for c in graph.consumers[node.name])])
        owner = owners[node.name]
        last[owner] = max(last.get(owner, 0), ends)
    for name in graph.outputs:
        last[owners[name]] = len(graph.nodes) - 1
    return _peak(graph, last, 1, lambda graph, node, batch: 0)


def _peak(
    graph: Graph,
    ends: Mapping[str, int],
    batch: int,
    scratch: Callable[[Graph, Node, int], int],
) -> Peak:
    freed = [0] * (len(graph.nodes) + 1)
    live, peak = 0, Peak(0, graph.input.name)
    for position, node in enumerate(graph.nodes):
        live -= freed[position]
        if node.name in ends:
            size = batch * prod(node.shape)
            live += size
            freed[ends[node.name] + 1] += size
        now = live + scratch(graph, node, batch)
        if now > peak.elements:
            peak = Peak(now, node.name)
    return peak


def _owners(graph: Graph) -> dict[str, str]:
    """Per node, the node that allocated what it is written to."""
    owners: dict[str, str] = {}
    readers_left: dict[str, int] = {}
    for node in graph.nodes:
        owner = owners[node.inputs[0]] if _shares(graph, node, owners, readers_left) else node.name
        for name in dict.fromkeys(node.inputs):
            readers_left[owners[name]] -= 1
        owners[node.name] = owner
        readers_left[owner] = readers_left.get(owner, 0) + len(graph.consumers[node.name])
    return owners


def _shares(graph: Graph, node: Node, owners: dict[str, str], readers_left: dict[str, int]) -> bool:
    if node.kind in VIEWS or (node.owner != node.name and not node.in_place):
        return True
    if node.kind not in IN_PLACE:
        return False
    owner = owners[node.inputs[0]]
    return bool(graph[owner].inputs) and readers_left[owner] == 1  # the images are the caller's
