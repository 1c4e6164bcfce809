"""A common way of summing up training memory by hand, beside what a step really takes.

The sum: every parameter as often as the optimizer and the gradient need it, and the outputs of all
layers, doubled for the backward pass. The notes on VGG-16 do it for a batch of 128 with momentum.
"""

from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from torch import nn

from convatlas.analysis._graph import Graph
from convatlas.analysis._layer import Conditions
from convatlas.analysis._trace import trace
from convatlas.analysis.training_memory._training_memory import TrainingMemory, training_memory

_COUNTED = ("input", "Conv2d", "Linear", "MaxPool2d", "AvgPool2d")
_SKIPPED = ("ReLU", "Dropout", "Flatten", "flatten", "Identity", "LocalResponseNorm")
_FLOAT32 = 4
_VGG16 = (138_357_544, (3, 224, 224), 128)  # parameters, images, batch
_PRINTED = ("528 MB", "1.54 GB", "58.12 MB", "14.5 GB", "16 GB")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandSum:
    """A line of the sum. `printed` is the notes' own figure, in units of 1024, if it is theirs."""

    what: str
    printed: str
    by_hand_bytes: int
    real_bytes: int
    reason: str  # of the difference

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def hand_sum(
    net: nn.Module,
    shape: tuple[int, int, int],
    *,
    batch: int = 128,
    conditions: Conditions | None = None,
) -> tuple[HandSum, ...]:
    """The sum by hand with momentum in float32; nothing for nets of other layers than VGG's."""
    graph = trace(net, shape)
    if any(node.kind not in _COUNTED + _SKIPPED for node in graph.nodes):
        return ()
    conditions = conditions or Conditions()
    real = training_memory(net, shape, batch=batch, optimizer="momentum", conditions=conditions)
    one = training_memory(net, shape, batch=1, optimizer="momentum", conditions=conditions)
    outputs = _FLOAT32 * _outputs(graph)
    copies = 3 * real.weights_bytes
    found = (real.weights_bytes // _FLOAT32, tuple(shape), batch)
    printed = _PRINTED if found == _VGG16 else ("",) * len(_PRINTED)
    maps = 2 * batch * outputs
    by_hand = (real.weights_bytes, copies, outputs, maps, copies + maps)
    return tuple(
        HandSum(what=what, printed=said, by_hand_bytes=size, real_bytes=found, reason=reason)
        for (what, found, reason), said, size in zip(
            _lines(real, one), printed, by_hand, strict=True
        )
    )


def _lines(real: TrainingMemory, one: TrainingMemory) -> tuple[tuple[str, int, str], ...]:
    fixed = real.weights_bytes + real.gradient_bytes + real.optimizer_bytes
    return (
        ("weights", real.weights_bytes, "the same"),
        (
            "weights, gradients, momentum",
            fixed,
            "the same; but the gradients come one by one in the backward pass, while the maps go",
        ),
        (
            "maps of one image",
            one.saved_bytes,
            "autograd keeps what gradients need: also the positions of maxima (8 bytes each), "
            "masks of dropout, flattened copies; not what was rectified in place, nor the logits",
        ),
        (
            f"maps of {real.batch} images, forward and backward",
            real.peak_bytes - fixed,
            "a map's gradient goes as soon as the layer before has used it, so nothing is doubled; "
            "kernels' copies are added for a moment",
        ),
        (
            "sum",
            real.peak_bytes,
            f"the peak, in the {real.peak_phase} pass at {real.peak_layer}",
        ),
    )


def _outputs(graph: Graph) -> int:
    return sum(prod(node.shape) for node in graph.nodes if node.kind in _COUNTED)
