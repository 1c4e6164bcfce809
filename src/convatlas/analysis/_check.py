"""Recomputing what papers print."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from torch import nn

from convatlas import models
from convatlas.analysis._cost import cost_rows
from convatlas.analysis._counting import WEIGHTED, connections
from convatlas.analysis._graph import Graph
from convatlas.analysis._parts import own_parameters
from convatlas.analysis._trace import trace
from convatlas.analysis._weightless import without_weights
from convatlas.errors import UnknownName, UserError
from convatlas.facts import Fact, Verdict, compare

_FLOAT32_BYTES = 4
_LAYERS = WEIGHTED | {"SubSample", "RadialBasis"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A printed figure beside the recomputed one.

    `passed`: the figures agree to the printed digits, or the fact says why they cannot.
    """

    fact: Fact
    measured: int
    verdict: Verdict
    passed: bool

    @property
    def label(self) -> str:
        """What the figure is of: "params", "params of stages.fire2", "mult_adds @192"."""
        part = f" of {self.fact.part}" if self.fact.part else ""
        side = f" @{self.fact.input_side}" if self.fact.input_side else ""
        return f"{self.fact.quantity}{part}{side}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def check_facts(pattern: str = "*") -> list[Checked]:
    """Recompute the printed figures of the variants or families that match a shell pattern.

    Raises:
        UnknownName: if nothing matches.
    """
    matching = [
        family
        for family in models.families().values()
        if fnmatchcase(family.name, pattern)
        or any(fnmatchcase(name, pattern) for name in family.variants)
    ]
    if not matching:
        known = {*models.variants(), *models.families()}
        raise UnknownName("variant or family", pattern, known, "`convatlas models`")
    facts = [
        fact
        for family in matching
        for fact in family.facts
        if fnmatchcase(family.name, pattern) or fnmatchcase(fact.variant, pattern)
    ]
    return _checked(facts)


def _checked(facts: Iterable[Fact]) -> list[Checked]:
    traced = cache(_traced)
    found = []
    for fact in facts:
        side = fact.input_side or models.spec_of(fact.variant).input_side
        measured = _measure(fact, *traced(fact.variant, side))
        verdict = compare(fact.printed, measured)
        passed = verdict != "differs" or bool(fact.because)
        found.append(Checked(fact, measured, verdict, passed))
    return found


def _traced(variant: str, input_side: int) -> tuple[nn.Module, Graph]:
    spec = models.spec_of(variant, input_side=input_side)
    with without_weights():
        net = models.family_of(variant).build(spec)
    return net, trace(net, (spec.in_channels, spec.input_side, spec.input_side))


def _measure(fact: Fact, net: nn.Module, graph: Graph) -> int:
    names = {name for name, _ in net.named_modules()}
    if fact.part not in names:
        raise UserError(f"The figure {fact} is of a part that {fact.variant!r} does not have.")
    return _MEASURES[fact.quantity](net, graph, fact.part)


def _params(net: nn.Module, graph: Graph, part: str) -> int:
    inside = net.get_submodule(part).parameters() if part else own_parameters(net)
    return sum(p.numel() for p in inside)


def _weights(net: nn.Module, graph: Graph, part: str) -> int:
    inside = net.get_submodule(part).parameters() if part else own_parameters(net)
    return sum(p.numel() for p in inside if p.dim() >= 2)


def _size_bytes(net: nn.Module, graph: Graph, part: str) -> int:
    return _FLOAT32_BYTES * _params(net, graph, part)


def _mult_adds(net: nn.Module, graph: Graph, part: str) -> int:
    rows = cost_rows(graph, "conv+linear")
    return sum(row.mult_adds for row in rows if _inside(row.name, part))


def _connections(net: nn.Module, graph: Graph, part: str) -> int:
    return sum(connections(node) for node in graph.nodes if _inside(node.name, part))


def _layers(net: nn.Module, graph: Graph, part: str) -> int:
    """Layers that learn or measure, on the longest path: what papers call a net's depth.

    A projection beside a residual unit and the branches of a fire module are not one after the
    other, so they do not add up.
    """
    depth: dict[str, int] = {}
    for node in graph.nodes:
        before = max((depth[name] for name in node.inputs), default=0)
        depth[node.name] = before + (node.kind in _LAYERS and _inside(node.name, part))
    return max(depth.values())


def _inside(name: str, part: str) -> bool:
    path = name.split(":")[0]
    return not part or path == part or path.startswith(f"{part}.")


_MEASURES: dict[str, Callable[[nn.Module, Graph, str], int]] = {
    "params": _params,
    "weights": _weights,
    "mult_adds": _mult_adds,
    "connections": _connections,
    "size_bytes": _size_bytes,
    "layers": _layers,
}
