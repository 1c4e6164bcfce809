"""A diagnosis as `cost --doctor` prints it; `diagnosis.as_dict()` is its JSON."""

from typing import TYPE_CHECKING

from convatlas.cli._console import print_table

if TYPE_CHECKING:
    from convatlas.analysis.doctor import Diagnosis, Finding

_LAYERS_SHOWN = 3


def print_diagnosis(diagnosis: "Diagnosis", *, all_layers: bool = False) -> None:
    """The findings, the layers that have them, and what to try.

    Args:
        all_layers: every layer of each finding, and the predicted time of every layer of the net.
    """
    from convatlas.device import format_seconds

    shown = None if all_layers else _LAYERS_SHOWN
    machine = diagnosis.machine
    if all_layers:
        print_table(
            ["layer", "kind", "predicted", "share", "waits for"],
            [
                [t.name, t.kind, format_seconds(t.seconds), _percent(t.seconds / total), t.bound]
                for total in [diagnosis.seconds]
                for t in diagnosis.times
            ],
        )
    if diagnosis.findings:
        _print_findings(diagnosis.findings, shown)
    else:
        print_table(["finding"], [["none: no figure reaches its limit"]])
    print_table(
        ["predicted", format_seconds(diagnosis.seconds)],
        [
            ["machine", machine.name],
            ["mult-adds per second", f"{machine.mult_adds_per_s / 1e9:.1f} G"],
            ["bytes per second", f"{machine.bandwidth / 1e9:.1f} G"],
            ["mult-adds per byte where both are equal", f"{machine.balance:.2f}"],
        ],
    )


def _print_findings(findings: "tuple[Finding, ...]", shown: int | None) -> None:
    print_table(
        ["finding", "figure", "layers", "share of time", "lost", "the figure is"],
        [
            [
                finding.kind,
                _figure(finding, finding.figure),
                len(finding.layers),
                _percent(finding.share),
                _percent(finding.lost),
                finding.rule.meaning,
            ]
            for finding in findings
        ],
    )
    print_table(
        ["finding", "layer", "figure", "share of time", "lost", "remark"],
        [
            [
                finding.kind if i == 0 else "",
                layer.name,
                _figure(finding, layer.figure),
                _percent(layer.share),
                _percent(layer.lost),
                layer.remark,
            ]
            for finding in findings
            for i, layer in enumerate(finding.layers[:shown])
        ],
    )
    print_table(
        ["finding", "from", "what to try", "source"],
        [[f.kind, _figure(f, f.rule.limit), f.rule.advice, f.rule.source] for f in findings],
    )


def _figure(finding: "Finding", value: float) -> str:
    return _percent(value) if finding.rule.unit == "part" else f"{value:.2f} x"


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"
