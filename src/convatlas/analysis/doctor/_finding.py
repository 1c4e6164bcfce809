"""What the doctor says."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from convatlas.analysis.doctor._machine import Machine
from convatlas.analysis.doctor._time import LayerTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What makes something a finding: from which figure on, why from there, and what to try.

    `least_share`: layers that take less of the predicted time together are not worth a word.
    """

    kind: str
    unit: Literal["times", "part"]  # of the figure; a part is from 0 to 1
    meaning: str  # what follows the figure: "3.5 times fewer ...", "75 % of ..."
    limit: float
    why: str
    advice: str
    source: str
    least_share: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A layer, or several that make one part of the net, with its own figure.

    `share` and `lost` are parts of the predicted time, from 0 to 1: what the layer takes, and what
    of it the fault costs.
    """

    name: str
    figure: float
    share: float
    lost: float = 0.0
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of fault in a net, with all layers that have it, the dearest first.

    `figure` is the largest of the layers', or the whole net's where the rule is about that.
    `share` and `lost` are sums over the layers; a fault that costs accuracy has `lost` 0.
    """

    rule: Rule
    figure: float
    layers: tuple[Affected, ...]
    share: float
    lost: float

    @property
    def kind(self) -> str:
        """What is wrong, in two or three words."""
        return self.rule.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The findings, the one that costs most time first, and the times they are measured by."""

    findings: tuple[Finding, ...]
    times: tuple[LayerTime, ...]
    seconds: float  # of one image
    machine: Machine

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "seconds": self.seconds,
            "machine": self.machine.as_dict(),
            "findings": [asdict(finding) for finding in self.findings],
            "layers": [asdict(time) for time in self.times],
        }


def found(rule: Rule, layers: Sequence[Affected], *, figure: float | None = None) -> Finding | None:
    """A finding of the layers that reach the rule's limit; None if they take next to no time.

    Args:
        figure: the whole net's, which must reach the limit in the layers' place.
    """
    if figure is None:
        layers = [layer for layer in layers if layer.figure >= rule.limit]
    elif figure < rule.limit:
        return None
    share = sum(layer.share for layer in layers)
    if not layers or share < rule.least_share:
        return None
    return Finding(
        rule=rule,
        figure=max(layer.figure for layer in layers) if figure is None else figure,
        layers=tuple(sorted(layers, key=lambda layer: (-layer.lost, -layer.share))),
        share=share,
        lost=sum(layer.lost for layer in layers),
    )
