"""A net on an accelerator, layer by layer."""

from collections.abc import Mapping as Dictionary
from dataclasses import asdict, dataclass
from typing import Any

from convatlas.analysis._graph import Graph
from convatlas.analysis._kinds import layer_kind
from convatlas.analysis.accelerator._layers import Layer, layers, unmapped
from convatlas.analysis.accelerator._machine import LEFT_OUT, MAPPINGS, Accelerator, Mapping
from convatlas.analysis.accelerator._mappings import WORK
from convatlas.analysis.accelerator._traffic import dram_words


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRun:
    """One layer on the array, for one image.

    `cycles` are the larger of the array's and the DRAM's, which work side by side. `utilisation` is
    the share of all multipliers in all cycles that does a multiply-add. `energy` is in units of one
    multiply-accumulate, by level; a layer without weights takes accesses only.
    """

    name: str
    label: str
    mapping: Mapping | None  # None: no weights, beside the array
    mult_adds: int
    cycles: int
    dram_bound: bool
    dram_words: int
    utilisation: float
    energy: Dictionary[str, float]
    array_cycles: Dictionary[Mapping, int]  # under each mapping, were there no DRAM to wait for

    @property
    def total_energy(self) -> float:
        """Of all levels."""
        return sum(self.energy.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorReport:
    """A net on an accelerator, for one image; see `accelerator.LEFT_OUT` for what is not in it.

    `unmapped` are layers with weights, or of an unknown kind, whose arithmetic is not counted.
    """

    machine: Accelerator
    rows: tuple[LayerRun, ...]
    unmapped: tuple[str, ...] = ()

    @property
    def cycles(self) -> int:
        """Of all layers, one after the other."""
        return sum(row.cycles for row in self.rows)

    @property
    def mult_adds(self) -> int:
        """Of all layers, every one of the dense loops."""
        return sum(row.mult_adds for row in self.rows)

    @property
    def energy(self) -> dict[str, float]:
        """By level, in units of one multiply-accumulate."""
        levels = ("multiply_accumulate", "register", "neighbour", "buffer", "dram")
        return {level: sum(row.energy[level] for row in self.rows) for level in levels}

    @property
    def total_energy(self) -> float:
        """Of all layers and levels."""
        return sum(self.energy.values())

    @property
    def utilisation(self) -> float:
        """Share of all multipliers in all cycles that does a multiply-add."""
        return self.mult_adds / (self.cycles * self.machine.elements) if self.cycles else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "accelerator": asdict(self.machine),
            "cycles": self.cycles,
            "mult_adds": self.mult_adds,
            "utilisation": self.utilisation,
            "energy": self.energy,
            "total_energy": self.total_energy,
            "left_out": LEFT_OUT,
            "unmapped": list(self.unmapped),
            "rows": [asdict(row) for row in self.rows],
        }


def simulate(
    graph: Graph, machine: Accelerator, *, mapping: Mapping | None = None
) -> AcceleratorReport:
    """What each layer of `graph` takes on `machine`.

    Args:
        mapping: of all layers; without one, each layer gets what needs fewer cycles, and of two
            alike what needs less energy, as in the accelerator for which SqueezeNext was made.
    """
    steps = layers(graph)
    words = dram_words(steps, machine)
    choices = MAPPINGS if mapping is None else (mapping,)
    rows = []
    for layer, count in zip(steps, words, strict=True):
        label = layer_kind(graph[layer.name])
        runs = [_run(layer, label, count, machine, choice) for choice in choices]
        rows.append(min(runs, key=lambda run: (run.cycles, run.total_energy)))
    return AcceleratorReport(machine=machine, rows=tuple(rows), unmapped=unmapped(graph))


def _run(layer: Layer, label: str, dram: int, machine: Accelerator, mapping: Mapping) -> LayerRun:
    loops, levels = layer.convolution, machine.energy
    waiting = -(-dram * machine.word_bytes // machine.dram_bytes_per_cycle)
    moved = sum(n for _, n in layer.reads) + layer.words
    mult_adds = registers = neighbours = 0
    buffer, busy = moved, -(-moved // machine.columns)
    by_mapping: dict[Mapping, int] = {}
    if loops is not None:
        work = WORK[mapping](loops, machine)
        mult_adds, registers, neighbours = loops.mult_adds, work.registers, work.neighbours
        buffer, busy = work.buffer, work.cycles
        by_mapping = {each: WORK[each](loops, machine).cycles for each in MAPPINGS}
    cycles = max(busy, int(waiting))
    return LayerRun(
        name=layer.name,
        label=label,
        mapping=None if loops is None else mapping,
        mult_adds=mult_adds,
        cycles=cycles,
        dram_bound=waiting > busy,
        dram_words=dram,
        utilisation=mult_adds / (cycles * machine.elements) if cycles else 0.0,
        energy={
            "multiply_accumulate": levels.multiply_accumulate * mult_adds,
            "register": levels.register * registers,
            "neighbour": levels.neighbour * neighbours,
            "buffer": levels.buffer * (buffer + dram),  # what comes from the DRAM passes through
            "dram": levels.dram * dram,
        },
        array_cycles=by_mapping,
    )
