"""What every check reads: a net's graph, its cost and its predicted times."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from torch import nn

from convatlas.analysis._cost import CostRow
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis.doctor._machine import Machine
from convatlas.analysis.doctor._reads_channels import Mask, channels_read
from convatlas.analysis.doctor._reads_pixels import pixels_read
from convatlas.analysis.doctor._time import LayerTime


@dataclass(frozen=True)
class Case:
    """A net on a machine, for one image."""

    graph: Graph
    rows: tuple[CostRow, ...]
    times: tuple[LayerTime, ...]
    machine: Machine

    @cached_property
    def seconds(self) -> float:
        """Predicted for the whole net."""
        return sum(time.seconds for time in self.times)

    @cached_property
    def time(self) -> Mapping[str, LayerTime]:
        """By layer."""
        return {time.name: time for time in self.times}

    @cached_property
    def row(self) -> Mapping[str, CostRow]:
        """By layer."""
        return {row.name: row for row in self.rows}

    @cached_property
    def position(self) -> Mapping[str, int]:
        """In running order."""
        return {node.name: i for i, node in enumerate(self.graph.nodes)}

    @cached_property
    def channels_read(self) -> Mapping[str, Mask]:
        """Per layer, which of its channels anything reads."""
        return channels_read(self.graph)

    @cached_property
    def pixels_read(self) -> Mapping[str, Mask]:
        """Per feature map, which of its pixels anything reads."""
        return pixels_read(self.graph)

    def share(self, *names: str) -> float:
        """Part of the predicted time that layers take."""
        return sum(self.time[name].seconds for name in names) / self.seconds

    @cached_property
    def conv_rows(self) -> tuple[CostRow, ...]:
        """Of the convolutions."""
        return tuple(self.row[node.name] for node, _ in self.convolutions())

    def convolutions(self) -> Iterator[tuple[Node, Any]]:
        """Nodes that are convolutions, with the layer."""
        for node in self.graph.nodes:
            if isinstance(node.module, nn.Conv2d):
                yield node, node.module

    def source(self, node: Node) -> Node:
        """The first input of `node`."""
        return self.graph[node.inputs[0]]

    @cached_property
    def narrows(self) -> tuple[tuple[int, bool], ...]:
        """After each node, the elements that are still read later, and whether it alone holds them.

        All that later layers know of the image passes through these elements.
        """
        nodes = self.graph.nodes
        last = dict.fromkeys(self.position, -1)
        for i, node in enumerate(nodes):
            for name in node.inputs:
                last[name] = i
        for name in self.graph.outputs:
            last[name] = len(nodes)
        elements, tensors = [0] * (len(nodes) + 1), [0] * (len(nodes) + 1)
        for i, node in enumerate(nodes):
            if last[node.name] > i:
                end = last[node.name]
                elements[i] += prod(node.shape)
                tensors[i] += 1
                elements[end] -= prod(node.shape)
                tensors[end] -= 1
        found, size, count = [], 0, 0
        for i, node in enumerate(nodes):
            size, count = size + elements[i], count + tensors[i]
            found.append((size, count == 1 and last[node.name] > i))
        return tuple(found)
