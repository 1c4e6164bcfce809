"""What the chosen net may cost on the person's device."""

from dataclasses import dataclass
from typing import Any

from convatlas.device import format_bytes, format_seconds
from convatlas.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """Upper bounds; None where nothing was asked."""

    latency_s: float | None = None  # median of one image
    size_bytes: int | None = None  # of the ONNX file
    memory_bytes: int | None = None  # what the net adds to a process with the runtime loaded

    def __post_init__(self) -> None:
        for name in ("latency_s", "size_bytes", "memory_bytes"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UserError(f"{name}={value!r} must be above zero.")

    def as_dict(self) -> dict[str, Any]:
        """For result.json."""
        return {
            "latency_s": self.latency_s,
            "size_bytes": self.size_bytes,
            "memory_bytes": self.memory_bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One budget beside what was measured."""

    what: str
    unit: str
    asked: float
    measured: float
    conditions: str

    @property
    def kept(self) -> bool:
        """Whether the measured value stays within what was asked."""
        return self.measured <= self.asked

    def as_dict(self) -> dict[str, Any]:
        """For result.json."""
        return {
            "what": self.what,
            "unit": self.unit,
            "asked": self.asked,
            "measured": self.measured,
            "kept": self.kept,
            "conditions": self.conditions,
        }

    def __str__(self) -> str:
        shown = format_seconds if self.unit == "s" else format_bytes
        sign = "<=" if self.kept else ">"
        return f"{self.what}: {shown(self.measured)} {sign} {shown(self.asked)}"
