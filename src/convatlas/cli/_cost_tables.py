"""Costs as tables for people and as comma-separated values."""

import csv
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from convatlas.cli._console import print_table

if TYPE_CHECKING:
    from convatlas.analysis import CostReport, CostShare
    from convatlas.analysis.resolution_table import ResolutionRow
    from convatlas.cli._subject import Subject

Rows = list[list[object]]

LAYER_COLUMNS = (
    "layer", "kind", "output", "params", "mult-adds", "other operations", "activations",
    "memory access", "operations/byte", "field", "stride", "offset",
)  # fmt: skip
SHARE_COLUMNS = (
    "", "layers", "output", "params", "%", "mult-adds", "%", "activations", "%",
    "memory access", "%",
)  # fmt: skip
TOTAL_COLUMNS = (
    "net", "input", "params", "auxiliary", "mult-adds", "other operations", "activations",
    "memory access bytes", "weight bytes", "peak bytes", "planned peak bytes",
)  # fmt: skip


def layer_rows(report: "CostReport") -> Rows:
    """A row per layer, figures as they are."""
    return [
        [
            row.name,
            row.label if row.known else f"{row.label} (unknown)",
            _shape(row.out_shape),
            row.params,
            row.mult_adds,
            row.other_operations,
            row.activations,
            row.memory_access,
            round(report.intensity(row), 2),
            row.receptive_field,
            row.field_stride,
            row.field_offset,
        ]
        for row in report.rows
    ]


def share_rows(shares: "Sequence[CostShare]") -> Rows:
    """A row per kind of layer or stage."""
    return [
        [
            share.name, share.layers, _shape(share.out_shape),
            share.params, round(share.params_percent, 2),
            share.mult_adds, round(share.mult_adds_percent, 2),
            share.activations, round(share.activations_percent, 2),
            share.memory_access, round(share.memory_access_percent, 2),
        ]
        for share in shares
    ]  # fmt: skip


def total_row(subject: "Subject", report: "CostReport") -> list[object]:
    """One net in a row."""
    return [
        subject.name, _shape(subject.shape), report.params, report.aux_params, report.mult_adds,
        report.other_operations, report.activations, report.memory_access_bytes,
        report.weight_bytes, report.peak_memory_bytes, report.planned_memory_bytes,
    ]  # fmt: skip


def print_totals(subject: "Subject", report: "CostReport") -> None:
    """All of one net."""
    from convatlas.device import format_bytes

    unread = [["  read in training only", f"{report.aux_params:,}"]] if report.aux_params else []
    print_table(
        [subject.name, _shape(subject.shape)],
        [
            ["params", f"{report.params:,}"],
            *unread,
            ["mult-adds", f"{report.mult_adds:,}"],
            ["other operations", f"{report.other_operations:,}"],
            ["activations", f"{report.activations:,}"],
            ["memory access", f"{report.memory_access:,}"],
            ["weights", format_bytes(report.weight_bytes)],
            ["peak inference memory", format_bytes(report.peak_memory_bytes)],
            ["  reached in", report.peak_layer],
            ["  in a runtime that plans", format_bytes(report.planned_memory_bytes)],
            ["largest tensor", format_bytes(report.largest_tensor_bytes)],
            ["  written by", report.largest_tensor],
            ["bytes for", f"{report.batch} x {report.dtype}"],
            ["counted", report.convention],
        ],
    )
    if report.unknown:
        print_table(
            ["not counted: nothing is known of these operations"],
            [[name] for name in report.unknown],
        )


def print_side_by_side(found: "Sequence[tuple[Subject, CostReport]]") -> None:
    """Several nets, one in a row."""
    from convatlas.device import format_bytes

    print_table(
        ["net", "input", "params", "mult-adds", "activations", "memory access", "weights", "peak"],
        [
            [
                subject.name,
                _shape(subject.shape),
                f"{report.params:,}",
                f"{report.mult_adds:,}",
                f"{report.activations:,}",
                f"{report.memory_access:,}",
                format_bytes(report.weight_bytes),
                format_bytes(report.peak_memory_bytes),
            ]
            for subject, report in found
        ],
    )
    first = found[0][1]
    print_table(["counted", first.convention], [["bytes for", f"{first.batch} x {first.dtype}"]])


def print_rows(columns: Sequence[str], rows: Rows) -> None:
    """Figures with thousands apart."""
    print_table(columns, [[f"{c:,}" if isinstance(c, int) else c for c in row] for row in rows])


def print_csv(columns: Sequence[str], rows: Rows) -> None:
    """The same rows for a spreadsheet, numbers as they are."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    names: list[str] = []
    for column in columns:  # "%" belongs to the column before it
        names.append(f"{names[-1]} %" if column == "%" else column or "name")
    writer.writerow(names)
    writer.writerows(rows)


def print_resolutions(rows: "Sequence[ResolutionRow]") -> None:
    """The largest tensor at each resolution, 16 bit per element."""
    from convatlas.device import format_bytes

    print_table(
        ["resolution", "largest tensor", "channels", "16 bit", "must exist whole", "channels",
         "16 bit"],
        [
            [
                f"{row.height}x{row.width}", row.layer, row.channels,
                format_bytes(row.memory_bytes), row.kept_layer or "-", row.kept_channels,
                format_bytes(row.kept_bytes),
            ]
            for row in rows
        ],
    )  # fmt: skip


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
