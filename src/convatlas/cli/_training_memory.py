"""What training a net takes, as `convatlas cost --train` prints it."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from convatlas.analysis.training_memory import (
    Conditions,
    HandSum,
    LargestBatch,
    TrainingMemory,
    hand_sum,
    largest_batch,
    training_memory,
)
from convatlas.cli._console import print_table
from convatlas.device import bytes_of, format_bytes

_MOST_LAYERS = 10
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class TrainingAnswer:
    """What was asked of a net's training."""

    memory: TrainingMemory
    largest: LargestBatch | None
    by_hand: tuple[HandSum, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self.memory.as_dict(),
            "largest_batch": None if self.largest is None else self.largest.as_dict(),
            "by_hand": [line.as_dict() for line in self.by_hand],
        }


def ask_training_memory(
    net: nn.Module,
    shape: tuple[int, int, int],
    *,
    batch: int,
    dtype: str = "float32",
    optimizer: str = "sgd",
    ema: bool = False,
    autocast: str | None = None,
    fits: str | None = None,
) -> TrainingAnswer:
    """Everything about a training step; `fits` is a size such as "8GB"."""
    asked: dict[str, Any] = {
        "dtype": dtype,
        "optimizer": optimizer,
        "ema": ema,
        "autocast": autocast,
        "conditions": Conditions(),
    }
    memory = training_memory(net, shape, batch=batch, **asked)
    largest = None
    if fits is not None:
        largest = largest_batch(net, shape, budget_bytes=bytes_of(fits), **asked)
    return TrainingAnswer(memory, largest, hand_sum(net, shape))


def print_training_memory(name: str, answer: TrainingAnswer) -> None:
    """Tables for people: the parts, the layers that keep most, the largest batch, the hand sum."""
    memory = answer.memory
    print_table(
        [f"training {name}", f"batch {memory.batch}, {memory.optimizer}"],
        [
            ["weights", format_bytes(memory.weights_bytes)],
            ["running statistics", format_bytes(memory.buffer_bytes)],
            ["gradients", format_bytes(memory.gradient_bytes)],
            [f"state of {memory.optimizer}", format_bytes(memory.optimizer_bytes)],
            ["average of weights", format_bytes(memory.ema_bytes)],
            ["images and labels", format_bytes(memory.input_bytes)],
            ["saved for the backward pass", format_bytes(memory.saved_bytes)],
            ["peak", format_bytes(memory.peak_bytes)],
            ["at", f"{memory.peak_phase} {memory.peak_layer}".strip()],
            ["computed for", _conditions(memory)],
        ],
    )
    most = sorted(memory.layers, key=lambda layer: -layer[1])[:_MOST_LAYERS]
    print_table(
        ["layers that keep most", "saved", "share"],
        [
            [layer, format_bytes(size), f"{100 * size / memory.saved_bytes:.1f} %"]
            for layer, size in most
        ],
    )
    if memory.unknown:
        print_table(["layers without a rule, estimated"], [[layer] for layer in memory.unknown])
    if answer.largest is not None:
        _print_largest(answer.largest)
    if answer.by_hand:
        _print_by_hand(answer.by_hand)


def _conditions(memory: TrainingMemory) -> str:
    order = "channels last" if memory.conditions.channels_last else "channels first"
    kind = memory.dtype if memory.autocast is None else f"{memory.dtype} with {memory.autocast}"
    return f"CPU, {kind}, {order}, {memory.conditions.step} optimizer, steps after the first"


def _print_largest(largest: LargestBatch) -> None:
    budget = format_bytes(largest.budget_bytes)
    rows = []
    if largest.fits is not None:
        rows.append([f"batch {largest.batch:,}", format_bytes(largest.fits.peak_bytes), "fits"])
    if largest.one_more is not None:
        more = largest.one_more
        rows.append([f"batch {more.batch:,}", format_bytes(more.peak_bytes), "does not fit"])
    said = f"largest batch in {budget}: {largest.batch:,}"
    if largest.one_more is None:
        said += " or more: no larger one was tried"
    if largest.fits is None:
        said = f"not even one image fits {budget}"
    print_table([said, "peak", ""], rows)


def _print_by_hand(lines: tuple[HandSum, ...]) -> None:
    printed = any(line.printed for line in lines)
    print_table(
        ["summed by hand", *(["the notes print"] if printed else []), "by hand", "real", "because"],
        [
            [
                line.what,
                *([line.printed] if printed else []),
                f"{line.by_hand_bytes / _MIB:,.2f} MiB",
                f"{line.real_bytes / _MIB:,.2f} MiB",
                line.reason,
            ]
            for line in lines
        ],
        title="Batch 128 with momentum, summed by hand and as it is",
    )
