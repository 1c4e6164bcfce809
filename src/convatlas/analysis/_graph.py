"""A network as a list of layers in running order, each with its output shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import nn

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One layer or operation.

    `name` is unique: the path of the module ("stages.conv2.0.relu"; ":2", ":3" for further calls
    of the same module), for functions the path of the module that calls them and the operation
    ("stages.conv2.0.add"). `kind` is the module's class ("Conv2d") or the operation ("add", "mul",
    "cat", "flatten", "chunk", "getitem"); the first node's is "input". A call of a function that is
    a layer, `F.conv2d`, has the layer's kind and, as `module`, a layer of the same settings.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: Shape  # without the batch; of "chunk": of all chunks together
    module: nn.Module | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[nn.Parameter, ...] = ()  # that it reads
    owner: str = ""  # the node that allocated the memory it is written to: itself, if no view of it
    in_place: bool = False  # written over what it read
    known: bool = True  # False: nothing is known of what it computes
    dies: int = 0  # position of the last node during which torch's eager mode still holds it


@dataclass(frozen=True)
class Graph:
    """Nodes in running order, from the input to the one named `output`."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]  # more than one where a net returns several tensors
    params: int  # elements of the parameters that inference reads
    unread: tuple[str, ...] = ()  # parameters that inference does not read: auxiliary heads
    unread_elements: int = 0  # of them together

    @property
    def input(self) -> Node:
        """The images."""
        return self.nodes[0]

    @property
    def output(self) -> str:
        """The node that gives the logits."""
        return self.outputs[0]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each node."""
        found: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found[name].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}
