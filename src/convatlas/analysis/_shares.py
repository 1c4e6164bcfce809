"""A net's cost by the kinds of its layers or by its stages, with shares of the whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convatlas.analysis._cost import CostReport, CostRow
from convatlas.analysis._graph import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class CostShare:
    """One kind of layer ("depthwise 3x3") or one stage ("stages.conv2"); counts for one image."""

    name: str
    layers: int  # of these, views left out
    out_shape: Shape  # of the last
    params: int
    mult_adds: int
    other_operations: int
    activations: int
    memory_access: int  # elements
    params_percent: float
    mult_adds_percent: float
    activations_percent: float
    memory_access_percent: float


def by_type(report: CostReport) -> tuple[CostShare, ...]:
    """The kinds of layers, the one with most mult-adds first."""
    shares = _shares(report, lambda row: row.label)
    return tuple(sorted(shares, key=lambda s: (-s.mult_adds, -s.params, -s.memory_access)))


def by_stage(report: CostReport) -> tuple[CostShare, ...]:
    """The stages in running order; what lies between them ("flatten") costs nothing."""
    return _shares(report, lambda row: row.stage or "between stages")


def _shares(report: CostReport, key: Callable[[CostRow], str]) -> tuple[CostShare, ...]:
    groups: dict[str, list[CostRow]] = {}
    for row in report.rows:
        if row.memory_access or row.params or row.mult_adds:
            groups.setdefault(key(row), []).append(row)
    return tuple(_share(name, rows, report) for name, rows in groups.items())


def _share(name: str, rows: Sequence[CostRow], report: CostReport) -> CostShare:
    params = sum(row.params for row in rows)
    mult_adds = sum(row.mult_adds for row in rows)
    activations = sum(row.activations for row in rows)
    access = sum(row.memory_access for row in rows)
    return CostShare(
        name=name,
        layers=len(rows),
        out_shape=rows[-1].out_shape,
        params=params,
        mult_adds=mult_adds,
        other_operations=sum(row.other_operations for row in rows),
        activations=activations,
        memory_access=access,
        params_percent=_percent(params, report.params),
        mult_adds_percent=_percent(mult_adds, report.mult_adds),
        activations_percent=_percent(activations, report.activations),
        memory_access_percent=_percent(access, report.memory_access),
    )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
