"""Every net of the zoo that could be tried on a person's data."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any, Literal

from convatlas import models
from convatlas.analysis import CostReport, cost, without_weights
from convatlas.errors import UserError
from convatlas.models import Family, Spec

State = Literal[
    "listed",
    "too large",
    "too slow",
    "too much memory",
    "not tried",
    "dropped",
    "finalist",
    "chosen",
]

# Sides worth offering; a photo is tried at several, a small image at its own and one below.
_LADDER = (8, 12, 16, 20, 24, 28, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224)
_SMALL_SIDE = 64  # variants meant for images up to this side are the zoo's small ones


@dataclass(kw_only=True)
class Candidate:
    """A net at a width and an input side, and what became of it."""

    id: str
    variant: str
    family: str
    spec: Spec
    params: int
    mult_adds: int
    size_bytes: int
    predicted_memory_bytes: int
    latency: dict[str, Any] | None = None
    state: State = "listed"
    reason: str = ""
    start: dict[str, Any] | None = None  # the bundle it starts from, by name and SHA-256
    scores: list[dict[str, Any]] = field(default_factory=list)

    @property
    def input_side(self) -> int:
        """Side of the square input."""
        return self.spec.input_side

    def drop(self, state: State, reason: str) -> None:
        """Take this candidate out of the running, saying why."""
        self.state, self.reason = state, reason

    def as_dict(self) -> dict[str, Any]:
        """For result.json and for continuing after a stop."""
        return {
            "id": self.id,
            "variant": self.variant,
            "family": self.family,
            "width_multiplier": self.spec.width_multiplier,
            "input_side": self.input_side,
            "spec": asdict(self.spec),
            "params": self.params,
            "mult_adds": self.mult_adds,
            "size_bytes": self.size_bytes,
            "predicted_memory_bytes": self.predicted_memory_bytes,
            "latency": self.latency,
            "state": self.state,
            "reason": self.reason,
            "start": self.start,
            "scores": self.scores,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "Candidate":
        """The inverse of `as_dict`."""
        spec = {k: tuple(v) if isinstance(v, list) else v for k, v in stored["spec"].items()}
        known = {k: v for k, v in stored.items() if k in cls.__dataclass_fields__}
        return cls(**{**known, "spec": models.spec_of(stored["variant"], **spec)})


def candidates(
    reject: Callable[[Candidate], bool], *, channels: int, num_classes: int, native_side: int
) -> list[Candidate]:
    """Offered variants x widths x input sides that build for this data, cheapest first.

    Args:
        reject: drops a candidate that cannot fit, by its cost, and says so. What it rejects at one
            width is not listed at greater widths and sides: those cost more.
    """
    found: list[Candidate] = []
    for name, family in _offered():
        small = family.variants[name].input_side <= _SMALL_SIDE
        sides = input_sides(native_side, small=small)
        widest: float = inf
        for side in sides:
            for width in sorted(w for w in family.widths if w < widest):
                candidate = _candidate(
                    name, channels=channels, num_classes=num_classes, side=side, width=width
                )
                if candidate is None:
                    continue
                found.append(candidate)
                if reject(candidate):
                    widest = width
                    break
    return sorted(found, key=lambda c: (c.mult_adds, c.id))


def _offered() -> Iterator[tuple[str, Family]]:
    for family in models.families().values():
        for name in family.offered:
            yield name, family


def input_sides(native_side: int, *, small: bool) -> tuple[int, ...]:
    """Input sides to try for images whose usual short side is `native_side`.

    Tiny images are also tried enlarged, since nets that halve the side often need the room.
    """
    if small:
        own = min(native_side, _SMALL_SIDE)
        sides = {own, max((s for s in _LADDER if s <= 0.76 * own), default=own)}
        if own <= 16:
            sides = {own, 2 * own, 32}
        if own < 32:
            sides.add(32)
    else:
        sides = (
            {s for s in _LADDER if 96 <= s <= max(native_side, 96)} if native_side > 64 else set()
        )
    return tuple(sorted(sides))


def _candidate(
    name: str, *, channels: int, num_classes: int, side: int, width: float
) -> Candidate | None:
    """None when the net does not build for this side or width."""
    try:
        spec = models.spec_of(
            name,
            in_channels=channels,
            num_classes=num_classes,
            input_side=side,
            width_multiplier=width,
        )
        report = _cost(name, spec)
    except UserError:
        return None
    return Candidate(
        id=f"{name} x{width:g} @{side}",
        variant=name,
        family=models.family_of(name).name,
        spec=spec,
        params=report.params,
        mult_adds=report.mult_adds,
        size_bytes=report.weight_bytes,
        predicted_memory_bytes=report.planned_memory_bytes,
    )


def _cost(name: str, spec: Spec) -> CostReport:
    with without_weights():
        net = models.family_of(name).build(spec)
    return cost(net.eval(), (spec.in_channels, spec.input_side, spec.input_side))
