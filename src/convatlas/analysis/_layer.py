"""One layer as the rules see it: sizes for the whole batch, and how the step is run."""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal

from torch import nn

from convatlas.analysis._graph import Graph, Node

RECOMPUTED = "recomputed"  # kind of a batch norm, ReLU and convolution that keep their input only
DENSE_BLOCK = "dense block"  # kind of layers that write their maps behind those they read
StepKernels = Literal["fused", "loop", "foreach"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How a training step is run on the CPU, where it changes the memory.

    The defaults are those of `convatlas train`. Torch's own are images in contiguous order and,
    on the CPU, an optimizer that goes parameter by parameter ("loop").

    Args:
        channels_last: net and images lie in memory pixel by pixel; otherwise map by map, and
            convolutions make copies in the order that their kernels want.
        step: "foreach" treats all parameters at once, as torch does by default on a GPU.
    """

    channels_last: bool = True
    step: StepKernels = "fused"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A node with its batch. Sizes are in bytes, counts in elements."""

    graph: Graph
    node: Node
    batch: int
    width: int  # bytes of an element of its output
    conditions: Conditions
    sliced: bool = False  # the input is a slice of another tensor: not in one piece

    @property
    def module(self) -> Any:
        """The layer's module."""
        return self.node.module

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """Bytes of each input."""
        return tuple(self.bytes_of(self.graph[name]) for name in self.node.inputs)

    @property
    def input(self) -> int:
        """Bytes of the first input."""
        return self.inputs[0]

    @cached_property
    def output(self) -> int:
        """Bytes of the output."""
        return self.bytes_of(self.node)

    @property
    def elements(self) -> int:
        """Elements of the output."""
        return self.output // self.width

    @cached_property
    def in_shape(self) -> tuple[int, ...]:
        """Of the first input, without the batch."""
        return self.graph[self.node.inputs[0]].shape

    @cached_property
    def in_place(self) -> bool:
        """Whether it writes over its input."""
        return self.node.in_place or bool(getattr(self.module, "inplace", False))

    def bytes_of(self, node: Node) -> int:
        """Bytes of another node's output."""
        return self.batch * prod(node.shape) * self.width


def parameters_of(node: Node) -> list[nn.Parameter]:
    """What a layer learns."""
    return [p for p in node.parameters if p.requires_grad]


def apart(layer: Layer) -> bool:
    """Whether some of the channels of a batch lie in several pieces of memory."""
    return layer.batch > 1 or layer.conditions.channels_last
