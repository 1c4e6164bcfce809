"""The figures of a run that a person watches: smoothed, with their units, in words."""

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from convatlas.device import format_bytes
from convatlas.reports._units import seconds as duration

if TYPE_CHECKING:
    from convatlas.training import Status

_NEWEST = 0.1  # share of the newest status in what is shown: about the last five seconds count
_BOUND = 0.2  # of the time waiting for images: the loader is what limits the run


@dataclass(slots=True)
class Smoothed:
    """A running mean that forgets, unbiased from its first value on, of what is finite."""

    _sum: float = 0.0
    _weight: float = 0.0

    def add(self, value: float) -> None:
        """Take in a value."""
        if isfinite(value):
            self._sum += _NEWEST * (value - self._sum)
            self._weight += _NEWEST * (1 - self._weight)

    @property
    def value(self) -> float | None:
        """The mean; None before the first value."""
        return self._sum / self._weight if self._weight else None


@dataclass(slots=True)
class Figures:
    """What is known of a run under way."""

    status: "Status | None" = None
    accuracy: tuple[float, int] | None = None  # percent, after this step
    _loss: Smoothed = field(default_factory=Smoothed)
    _seconds: Smoothed = field(default_factory=Smoothed)  # of an image
    _waiting: Smoothed = field(default_factory=Smoothed)

    def take(self, status: "Status") -> None:
        """Take in how the run goes."""
        self.status = status
        self._loss.add(status.loss)
        self._waiting.add(status.wait_share)
        if status.images_per_s > 0:
            self._seconds.add(1 / status.images_per_s)

    @property
    def images_per_s(self) -> float | None:
        """Of all processes."""
        return 1 / self._seconds.value if self._seconds.value else None

    @property
    def seconds_left(self) -> float | None:
        """Of the steps that are left, at the smoothed speed."""
        status, speed = self.status, self.images_per_s
        if status is None or speed is None:
            return None
        return status.seconds_left * status.images_per_s / speed

    def rows(self) -> list[tuple[str, str]]:
        """Names and figures; nothing before the first status."""
        status = self.status
        if status is None:
            return []
        loss, speed, waiting = self._loss.value, self.images_per_s, self._waiting.value or 0.0
        rows = [
            ("loss", "not finite" if loss is None else f"{loss:.4g}"),
            ("rate", f"{status.learning_rate:.4g}"),
            ("epoch", f"{status.epoch:.2f}"),
            ("images/s", "-" if speed is None else _speed(speed)),
            ("waiting", f"{100 * waiting:.0f} %{' loader-bound' if waiting > _BOUND else ''}"),
            ("memory", format_bytes(status.memory_bytes)),
        ]
        if self.accuracy is not None:
            percent, step = self.accuracy
            rows.append(("validation", f"{percent:.2f} % at {step:,}"))
        return rows

    def line(self) -> str:
        """All in one line, for the logs of batch systems."""
        status = self.status
        if status is None:
            return ""
        waiting = self._waiting.value or 0.0
        shown = dict(self.rows())
        parts = [
            f"step {status.step:,}/{status.steps:,}",
            *(f"{name} {shown[name]}" for name in ("epoch", "loss", "rate")),
            *([f"validation {shown['validation']}"] if self.accuracy else []),
            f"{shown['images/s']} images/s",
            f"{100 * waiting:.0f} % of the time waiting for images"
            + (" (loader-bound)" if waiting > _BOUND else ""),
            shown["memory"],
        ]
        if status.step < status.steps:
            parts.append(f"{duration(self.seconds_left)} left")
        return ", ".join(parts)


def _speed(images_per_s: float) -> str:
    return f"{images_per_s:,.0f}" if images_per_s >= 100 else f"{images_per_s:.3g}"
