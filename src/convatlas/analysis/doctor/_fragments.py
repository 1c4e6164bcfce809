"""Guideline 3: many small operations side by side."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from convatlas.analysis._graph import Node
from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found

RULE = Rule(
    kind="fragments",
    unit="times",
    meaning="as many convolutions and poolings in the unit as lie on its longest path",
    limit=2.0,
    why="a unit with a convolution in its shortcut has at most 5 for 3; from 2 on, as many wait "
    "beside the path as lie on it",
    advice="join branches into fewer and wider convolutions",
    source="ShuffleNet v2 (arXiv:1807.11164), guideline 3",
)
_OPERATORS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
_JOINS = frozenset({"add", "cat", "mul", "sub"})


def fragments(case: Case) -> Finding | None:
    """Units whose operators lie side by side.

    A unit is the module that joins its branches. `lost` is what calling operations costs, for all
    those of the unit that do not lie on the path with most of them: a machine that runs one
    operation at a time waits for each.
    """
    layers = []
    for unit in _units(case.graph.nodes):
        inside = [node for node in case.graph.nodes if _belongs(node, unit)]
        operators = sum(_is_operator(node) for node in inside)
        chain = _longest(inside, lambda node: _is_operator(node))
        if not chain:
            continue
        runs = [node.name for node in inside if case.time[node.name].seconds]
        waits = len(runs) - _longest(inside, lambda node: case.time[node.name].seconds > 0)
        layers.append(
            Affected(
                name=unit or "the net",
                figure=operators / chain,
                share=case.share(*runs),
                lost=waits * case.machine.overhead_s / case.seconds,
                remark=f"{operators} operators, {chain} on the longest path",
            )
        )
    return found(RULE, layers)


def _units(nodes: Iterable[Node]) -> list[str]:
    """Paths of modules that join branches, without those inside another one."""
    scopes = {_scope(node) for node in nodes if node.kind in _JOINS}
    named = sorted(scope for scope in scopes if scope) or sorted(scopes)
    return [
        scope
        for scope in named
        if not any(scope.startswith(f"{other}.") for other in named if other != scope)
    ]


def _scope(node: Node) -> str:
    return node.name.split(":")[0].rpartition(".")[0]


def _belongs(node: Node, unit: str) -> bool:
    if not node.inputs:
        return False
    return not unit or node.name.startswith(f"{unit}.") or node.name.split(":")[0] == unit


def _is_operator(node: Node) -> bool:
    return isinstance(node.module, _OPERATORS)


def _longest(nodes: list[Node], counts: Any) -> int:
    """Most nodes for which `counts` holds on a path through `nodes`, which are in order."""
    depth: dict[str, int] = {}
    for node in nodes:
        before = max((depth.get(name, 0) for name in node.inputs), default=0)
        depth[node.name] = before + bool(counts(node))
    return max(depth.values(), default=0)
