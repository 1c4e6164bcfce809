"""The array, its buffer and its memory, as figures."""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from convatlas.errors import UserError

Mapping = Literal["weight-stationary", "output-stationary"]
MAPPINGS: tuple[Mapping, ...] = ("weight-stationary", "output-stationary")

LEFT_OUT = (
    "Left out: zeros (no multiplication is skipped), several groups of a convolution side by side "
    "in the array, layers fused into one pass, latency and pages of the DRAM, the way through the "
    "network on the chip, the arithmetic of layers without weights, control, leakage and clock. "
    "Batch norm and activation functions are free, on the way out of the array; joining, splitting "
    "and shuffling channels is free, as the place where something is written."
)

_NOTATION = re.compile(r"(\d+)x(\d+)(?:,(\d+)KB)?")
_LARGEST_SIDE = 4096
_LARGEST_KB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Energy of one access of one word, relative to one multiply-accumulate.

    Source: Chen, Emer, Sze, "Eyeriss: A Spatial Architecture for Energy-Efficient Dataflow for
    Convolutional Neural Networks", ISCA 2016, Table IV (a commercial 65 nm process, 16 bit).
    """

    multiply_accumulate: float = 1.0
    register: float = 1.0  # inside a processing element
    neighbour: float = 2.0  # from one processing element to the next
    buffer: float = 6.0  # the global buffer on the chip
    dram: float = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """Rows x columns processing elements, each with one multiplier, and a buffer beside them.

    The presets have the arrays and buffers of SqueezeNext's Table 3 (Gholami et al., 2018). What
    that table does not say is assumed: 16 bit words, 16 output sums held by an element, and a DRAM
    that gives 16 bytes in a cycle. The buffer's port gives `columns` words in a cycle.
    """

    rows: int
    columns: int
    buffer_bytes: int
    word_bytes: int = 2
    sums: int = 16  # of output channels that an element holds at a time (output-stationary)
    dram_bytes_per_cycle: float = 16.0
    energy: Energy = Energy()

    def __post_init__(self) -> None:
        for field in ("rows", "columns", "buffer_bytes", "word_bytes", "sums"):
            value = getattr(self, field)
            if value < 1:
                raise UserError(f"{field}={value} is too small. Use 1 or more.")
        if self.dram_bytes_per_cycle <= 0:
            raise UserError(
                f"dram_bytes_per_cycle={self.dram_bytes_per_cycle} is too small. Use more than 0."
            )
        if self.kept_words < 1:
            raise UserError(
                f"buffer_bytes={self.buffer_bytes:,} does not hold two tiles of weights of "
                f"{self.rows} x {self.columns} words. Use more than "
                f"{2 * self.rows * self.columns * self.word_bytes:,}."
            )

    @property
    def elements(self) -> int:
        """Multiply-accumulates in a cycle, at best."""
        return self.rows * self.columns

    @property
    def kept_words(self) -> int:
        """The largest tensor that stays in the buffer between two layers, in words.

        Half of what two tiles of weights leave: a layer reads one half and writes the other.
        """
        return (self.buffer_bytes // self.word_bytes - 2 * self.elements) // 2

    @property
    def label(self) -> str:
        """The size in words: "16x16, 128 KB"."""
        return f"{self.rows}x{self.columns}, {self.buffer_bytes / 1024:g} KB"


PRESETS = MappingProxyType(
    {
        "8x8": Accelerator(rows=8, columns=8, buffer_bytes=32 * 1024),
        "16x16": Accelerator(rows=16, columns=16, buffer_bytes=128 * 1024),
    }
)


def parse_accelerator(text: str) -> Accelerator:
    """An accelerator from "8x8", "16x16" (the presets) or any size as "12x14,108KB".

    Raises:
        UserError: quoting `text`, if it is neither.
    """
    if text in PRESETS:
        return PRESETS[text]
    found = _NOTATION.fullmatch(text)
    allowed = f"Use {', '.join(PRESETS)}, or rows x columns and the buffer, like 12x14,108KB."
    if found is None or found[3] is None:
        raise UserError(f"No accelerator {text!r}. {allowed}")
    rows, columns, kilobytes = (int(part) for part in found.groups())
    if max(rows, columns) > _LARGEST_SIDE or kilobytes > _LARGEST_KB:
        raise UserError(
            f"{text!r} is too large. Sides go to {_LARGEST_SIDE:,}, buffers to {_LARGEST_KB:,}KB."
        )
    return Accelerator(rows=rows, columns=columns, buffer_bytes=kilobytes * 1024)
