"""How much memory a training step takes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from types import MappingProxyType
from typing import Any, Literal, get_args

from torch import nn

from convatlas.analysis._layer import Conditions
from convatlas.analysis.training_memory._backward import Backward
from convatlas.analysis.training_memory._forward import Forward, Job
from convatlas.analysis.training_memory._ledger import Ledger, Phase
from convatlas.analysis.training_memory._network import training_graph
from convatlas.analysis.training_memory._optimizer import (
    OPTIMIZERS,
    OptimizerName,
    state_bytes,
    step_scratch,
)
from convatlas.analysis.training_memory._values import Gradient
from convatlas.errors import UserError

Autocast = Literal["bfloat16", "float16"]

_WIDTHS = MappingProxyType({"float32": 4, "bfloat16": 2, "float16": 2, "float64": 8})
_LABEL_BYTES = 8
_LOSS_COPIES = 1  # logarithms of the softmax
_CONDITIONS = Conditions()
MOST_BATCH = 2**24


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingMemory:
    """What one training step takes, in bytes, from the second step on.

    A step sets the gradients to None, runs forward, loss (cross-entropy) and backward, and then the
    optimizer; its state is there from the first step on. Auxiliary heads run; nothing is dropped
    by stochastic depth. What kernels take from other allocators than torch's is not included.

    `saved_bytes` wait for the backward pass when the forward pass ends; the images are among them
    if the first layer learns, parameters are not. `layers` has what each layer was the first to
    save. `unknown` are layers without a rule: they are taken to save their inputs and as much as
    their output.
    """

    batch: int
    dtype: str
    optimizer: OptimizerName
    autocast: Autocast | None
    conditions: Conditions
    weights_bytes: int
    buffer_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    ema_bytes: int
    input_bytes: int  # images and labels
    saved_bytes: int
    peak_bytes: int
    peak_phase: Phase
    peak_layer: str
    layers: tuple[tuple[str, int], ...]
    unknown: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "layers": dict(self.layers)}


def training_memory(
    net: nn.Module,
    shape: tuple[int, int, int],
    *,
    batch: int,
    dtype: str = "float32",
    optimizer: OptimizerName = "sgd",
    ema: bool = False,
    autocast: Autocast | None = None,
    conditions: Conditions = _CONDITIONS,
) -> TrainingMemory:
    """What a training step of `net` on `batch` images of `shape` takes on the CPU.

    Nothing is run; `net` may live on the meta device. A net's own switch for recomputing
    (`memory_efficient`) is followed.

    Args:
        shape: channels, height, width.
        batch: 1 or more.
        dtype: of weights and images: float32, bfloat16, float16 or float64.
        ema: whether an average of the weights and buffers is kept.
        autocast: as on a CPU with AVX-512; an older one computes such layers by other ways.

    Raises:
        UserError: for a value that is not allowed, and as `trace` does.
    """
    return Trainee(net, shape, dtype, optimizer, ema=ema, autocast=autocast).at(batch, conditions)


class Trainee:
    """A net that is traced once and asked for several batches."""

    def __init__(
        self,
        net: nn.Module,
        shape: tuple[int, int, int],
        dtype: str,
        optimizer: OptimizerName,
        *,
        ema: bool,
        autocast: Autocast | None,
    ) -> None:
        for name, value, allowed in (
            ("dtype", dtype, tuple(_WIDTHS)),
            ("optimizer", optimizer, tuple(OPTIMIZERS)),
            ("autocast", autocast, (None, *get_args(Autocast))),
        ):
            if value not in allowed:
                raise UserError(f"{name}={value!r} is unknown. Use {', '.join(map(str, allowed))}.")
        self._graph = training_graph(net, shape)
        self._dtype, self._optimizer, self._autocast, self._ema = dtype, optimizer, autocast, ema
        self._parameters = _learning(net)
        self._width = _WIDTHS[dtype]
        self._weights = self._width * sum(p.numel() for p in net.parameters())
        self._buffers = sum(
            b.numel() * (self._width if b.is_floating_point() else b.element_size())
            for b in net.buffers()
        )

    def at(self, batch: int, conditions: Conditions) -> TrainingMemory:
        """The memory of a step on `batch` images."""
        if type(batch) is not int or not 1 <= batch <= MOST_BATCH:
            raise UserError(f"batch={batch!r} cannot be trained on. Use 1 to {MOST_BATCH:,}.")
        low = None if self._autocast is None else _WIDTHS[self._autocast]
        job = Job(graph=self._graph, batch=batch, width=self._width, low=low, conditions=conditions)
        state = state_bytes(OPTIMIZERS[self._optimizer], self._parameters, self._width)
        ema = self._weights + self._buffers if self._ema else 0
        images = batch * (prod(self._graph.input.shape) * self._width + _LABEL_BYTES)
        ledger = Ledger(self._weights + self._buffers + state + ema + images)
        unknown = _step(job, ledger, self._parameters, self._optimizer)
        return TrainingMemory(
            batch=batch,
            dtype=self._dtype,
            optimizer=self._optimizer,
            autocast=self._autocast,
            conditions=conditions,
            weights_bytes=self._weights,
            buffer_bytes=self._buffers,
            gradient_bytes=self._width * sum(p.numel() for p in self._parameters),
            optimizer_bytes=state,
            ema_bytes=ema,
            input_bytes=images,
            saved_bytes=ledger.saved,
            peak_bytes=ledger.peak,
            peak_phase=ledger.peak_phase,
            peak_layer=ledger.peak_layer,
            layers=tuple(ledger.saved_by.items()),
            unknown=tuple(unknown),
        )


def _step(
    job: Job, ledger: Ledger, parameters: Sequence[nn.Parameter], optimizer: OptimizerName
) -> list[str]:
    """One step over `ledger`; the names of layers without a rule."""
    forward = Forward(job, ledger)
    logits, entries = forward.run()
    ledger.layer = "loss"
    size = prod(job.graph[job.graph.output].shape) * job.batch * max(job.width, 4)
    losses = ledger.allocate(_LOSS_COPIES * size)
    ledger.saved += losses.size
    ledger.saved_by["loss"] += losses.size
    ledger.release(logits.storage)
    ledger.phase = "backward"
    gradient = Gradient(ledger.allocate(size))
    ledger.touch(size)
    ledger.release(losses)
    Backward(job, ledger).run(entries, gradient)
    ledger.phase = "step"
    ledger.layer = ""
    ledger.touch(step_scratch(OPTIMIZERS[optimizer], parameters, job.width, job.conditions.step))
    return forward.unknown


def _learning(net: nn.Module) -> list[nn.Parameter]:
    return [p for p in net.parameters() if p.requires_grad]
