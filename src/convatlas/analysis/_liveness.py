"""How much activation memory is taken at once."""

from math import prod

from convatlas.analysis._counting import IN_PLACE, VIEWS
from convatlas.analysis._graph import Graph, Node


def peak_elements(graph: Graph) -> int:
    """The largest sum of activations that exist at the same time, in elements, for one image.

    The model: layers run one after the other; a layer's inputs and its output exist while it
    runs; an activation is freed after its last reader. Dropout, identity, flattening and splitting
    allocate nothing. Batch norm and activation functions write over their input when nothing reads
    it later and it is not the image. Scratch memory of convolutions is not included.
    """
    owners = _owners(graph)
    positions = {node.name: i for i, node in enumerate(graph.nodes)}
    change = [0] * (len(graph.nodes) + 1)
    last: dict[str, int] = {}
    for node in graph.nodes:
        ends = max([positions[node.name], *(positions[c.name] for c in graph.consumers[node.name])])
        owner = owners[node.name]
        last[owner] = max(last.get(owner, 0), ends)
    last[owners[graph.output]] = len(graph.nodes) - 1
    for name, end in last.items():
        size = prod(graph[name].shape)
        change[positions[name]] += size
        change[end + 1] -= size
    live = peak = 0
    for step in change:
        live += step
        peak = max(peak, live)
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
    if node.kind in VIEWS:
        return True
    if node.kind not in IN_PLACE:
        return False
    owner = owners[node.inputs[0]]
    return bool(graph[owner].inputs) and readers_left[owner] == 1  # the images are the caller's
