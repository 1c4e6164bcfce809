"""What a prediction of time must know of a machine."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Work = Literal["depthwise", "grouped", "max pool", "average pool", "response norm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """How fast a machine computes and moves float32 in large pieces, and what each call costs.

    `efficiency` is, for work that is no large matrix product, the part of `mult_adds_per_s` that
    it reaches (a pooling's operations are the pixels of its windows). Work without an entry
    reaches all of it.
    """

    name: str
    mult_adds_per_s: float  # of a large matrix product; half of its FLOP/s
    bandwidth: float  # bytes read and written per second, from and to main memory
    cache_bandwidth: float  # the same for what was just written
    overhead_s: float  # of one operation that computes next to nothing
    efficiency: tuple[tuple[Work, float], ...] = ()

    @property
    def balance(self) -> float:
        """Multiply-adds per byte below which moving data takes longer than computing."""
        return self.mult_adds_per_s / self.bandwidth

    def rate(self, work: Work | None) -> float:
        """Multiply-adds per second that `work` reaches; None is a matrix product."""
        return self.mult_adds_per_s * next((e for w, e in self.efficiency if w == work), 1.0)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "efficiency": dict(self.efficiency), "balance": self.balance}


DEFAULT = Machine(
    name="one core of a server CPU with AVX2 (AMD EPYC, Zen 3), torch eager, 1 thread",
    mult_adds_per_s=42.5e9,  # torch.mm of 2048^3: 85 GFLOP/s
    bandwidth=16.6e9,  # copy of 256 MB
    cache_bandwidth=50e9,  # copy of 1 MB
    overhead_s=12e-6,
    efficiency=(
        ("depthwise", 0.13),
        ("grouped", 0.7),
        ("max pool", 0.0075),
        ("average pool", 0.024),
        ("response norm", 0.01),
    ),
)
