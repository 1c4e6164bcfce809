"""What `cost` was asked, and the answers, in the order in which a person reads them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from convatlas.analysis import CostReport, by_stage, by_type, report_of
from convatlas.analysis.accelerator import parse_accelerator
from convatlas.analysis.doctor import DEFAULT, Diagnosis, Machine, examine
from convatlas.analysis.resolution_table import resolution_table
from convatlas.cli import _cost_tables as tables
from convatlas.cli._accelerator import accelerator_dict, print_accelerator
from convatlas.cli._console import print_json, say
from convatlas.cli._doctor import print_diagnosis
from convatlas.cli._subject import Subject
from convatlas.cli._training_memory import (
    TrainingAnswer,
    ask_training_memory,
    print_training_memory,
)
from convatlas.device import bytes_of
from convatlas.errors import UserError
from convatlas.files import check_writable


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of `cost`."""

    batch: int
    dtype: str
    convention: str
    layers: bool
    by: str | None
    train: bool
    optimizer: str
    ema: bool
    autocast: str | None
    fits: str | None
    doctor: bool
    measure: bool
    accelerator: str | None
    chart: Path | None
    as_csv: bool
    as_json: bool


def answer(found: list[Subject], asked: Asked) -> None:
    """Print, or write, everything that was asked."""
    _check(asked)
    reports = [(subject, _report(subject, asked)) for subject in found]
    if asked.chart is not None:
        _draw(reports, asked.chart)
    if asked.as_json:
        machine = _machine(asked)
        answers = [_as_dict(subject, report, asked, machine) for subject, report in reports]
        print_json(answers[0] if len(answers) == 1 else answers)
    elif asked.as_csv:
        _print_csv(reports, asked)
    else:
        _print_tables(reports, asked)


def _check(asked: Asked) -> None:
    """Refuse what cannot be answered before anything is printed or written."""
    if asked.as_json and asked.as_csv:
        raise UserError("--json and --csv exclude each other. Give one of them.")
    beyond = asked.by == "resolution" or asked.train or asked.doctor or asked.accelerator
    if asked.as_csv and beyond:
        raise UserError("--csv prints layers, shares or totals. Use --json for the rest.")
    if asked.train and asked.dtype == "int8":
        raise UserError(
            "--dtype 'int8' is not trained in. Use float32, bfloat16, float16 or float64."
        )
    if asked.fits is not None:
        bytes_of(asked.fits)
    if asked.accelerator is not None:
        parse_accelerator(asked.accelerator)
    if asked.chart is not None:
        check_writable(asked.chart)


def _report(subject: Subject, asked: Asked) -> CostReport:
    options: dict[str, Any] = {"dtype": asked.dtype, "convention": asked.convention}
    return report_of(subject.graph, batch=asked.batch, **options)


def _machine(asked: Asked) -> Machine:
    if not asked.measure:
        return DEFAULT
    from convatlas.device import measured_machine

    return measured_machine()


def _training(subject: Subject, asked: Asked) -> TrainingAnswer:
    return ask_training_memory(
        subject.net,
        subject.shape,
        batch=asked.batch,
        dtype=asked.dtype,
        optimizer=asked.optimizer,
        ema=asked.ema,
        autocast=asked.autocast,
        fits=asked.fits,
    )


def _diagnosis(subject: Subject, machine: Machine) -> Diagnosis:
    return examine(subject.graph, subject.shape, machine=machine)


def _as_dict(
    subject: Subject, report: CostReport, asked: Asked, machine: Machine
) -> dict[str, Any]:
    answers = {"net": subject.name, **report.as_dict()}
    answers["by_type"] = [asdict(share) for share in by_type(report)]
    answers["by_stage"] = [asdict(share) for share in by_stage(report)]
    if asked.by == "resolution":
        rows = resolution_table(subject.graph, subject.shape)
        answers["by_resolution"] = [row.as_dict() for row in rows]
    if asked.train:
        answers["training"] = _training(subject, asked).as_dict()
    if asked.doctor:
        answers["doctor"] = _diagnosis(subject, machine).as_dict()
    if asked.accelerator is not None:
        answers["accelerator"] = accelerator_dict(subject.graph, asked.accelerator)
    return answers


def _print_csv(reports: list[tuple[Subject, CostReport]], asked: Asked) -> None:
    rows: tables.Rows = []
    for subject, report in reports:
        if asked.by is not None:
            shares = by_type(report) if asked.by == "type" else by_stage(report)
            rows += [[subject.name, *row] for row in tables.share_rows(shares)]
        elif asked.layers:
            rows += [[subject.name, *row] for row in tables.layer_rows(report)]
        else:
            rows.append(tables.total_row(subject, report))
    if asked.by is not None:
        tables.print_csv(("net", asked.by, *tables.SHARE_COLUMNS[1:]), rows)
    elif asked.layers:
        tables.print_csv(("net", *tables.LAYER_COLUMNS), rows)
    else:
        tables.print_csv(tables.TOTAL_COLUMNS, rows)


def _print_tables(reports: list[tuple[Subject, CostReport]], asked: Asked) -> None:
    machine = _machine(asked)
    for subject, report in reports:
        if asked.layers:
            tables.print_rows(tables.LAYER_COLUMNS, tables.layer_rows(report))
        if asked.by == "resolution":
            tables.print_resolutions(resolution_table(subject.graph, subject.shape))
        elif asked.by is not None:
            shares = by_type(report) if asked.by == "type" else by_stage(report)
            columns = (asked.by, *tables.SHARE_COLUMNS[1:])
            tables.print_rows(columns, tables.share_rows(shares))
        if len(reports) == 1:
            tables.print_totals(subject, report)
        if asked.train:
            print_training_memory(subject.name, _training(subject, asked))
        if asked.doctor:
            print_diagnosis(_diagnosis(subject, machine), all_layers=asked.layers)
        if asked.accelerator is not None:
            print_accelerator(subject.name, subject.graph, asked.accelerator)
    if len(reports) > 1:
        tables.print_side_by_side(reports)


def _draw(reports: list[tuple[Subject, CostReport]], path: Path) -> None:
    from convatlas.reports import NetCost, write_cost_comparison

    nets = [
        NetCost(name=subject.name, report=report, published=subject.published)
        for subject, report in reports
    ]
    say(f"wrote {write_cost_comparison(nets, path)}")
