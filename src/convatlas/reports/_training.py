"""The page of a training, finished or not: how it went, what came out, what was trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convatlas.files import write_atomic
from convatlas.reports import _curves, _quality, _recipe_table
from convatlas.reports import _units as units
from convatlas.reports._chart import Figure
from convatlas.reports._html import Html, element, join, name, shortened
from convatlas.reports._shell import Section, document, plotly_source
from convatlas.reports._tables import pairs

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.training import Record

_LISTED = 200  # events
_SHOWN = ("in_channels", "input_side", "num_classes")  # of the spec, by themselves
_OPTIONAL = ("start", "teacher")


def write_training(record: "Record", path: Path) -> Path:
    """Write what `record` tells as one HTML page that needs neither network nor other files.

    Raises:
        UserError: if plotly is not installed or `path` cannot be written.
    """
    plotly = plotly_source(path)
    figures: dict[str, Figure] = {}
    sections = _sections(record, figures)
    title = f"Training of {shortened(record.settings.get('variant', 'a net'), 60)}"
    text = document(title, _top(record), sections, figures=figures, plotly=plotly)
    write_atomic(path, text.encode("utf-8"))
    return path


def _sections(record: "Record", figures: dict[str, Figure]) -> list[Section]:
    every = [
        ("curves", "Loss and accuracy", _learning(record, figures)),
        ("test", "Test", _test(record, figures)),
        ("events", "Out of the ordinary", _events(record)),
        ("speed", "Speed and memory", _speed(record, figures)),
        ("net", "The net", _net(record)),
        ("recipe", "The recipe", _recipe_table.section(record)),
        ("made", "How it was made", _made(record)),
    ]
    return [(key, title, content) for key, title, content in every if content]


def _top(record: "Record") -> Html:
    variant, recipe = record.settings.get("variant", ""), record.settings.get("recipe", {})
    over = element(
        "p", name(variant), ", recipe ", name(recipe.get("name", "")), class_="over-title"
    )
    parts = [over, _headline(record)]
    if record.diverged is not None and record.result is None:
        d = record.diverged
        text = f"It diverged at step {units.count(d.get('step'))}: {d.get('what')}."
        parts.append(element("p", text, class_="no"))
    return join(parts)


def _headline(record: "Record") -> Html:
    steps = record.settings.get("recipe", {}).get("steps")
    if record.result is not None:
        test = record.result["test"]
        accuracy = units.percent(100 - test["top1_error"], 2)
        return element(
            "h1",
            element("strong", accuracy),
            f" of {units.counted(test['n'], 'test image')} are given the right class after "
            f"{units.counted(record.result['steps'], 'step')} in "
            f"{units.seconds(record.result['seconds'])}",
        )
    text = f" of {units.count(steps)} steps are done"
    if record.validation:
        text += f"; {units.percent(record.validation[-1]['accuracy'], 2)} of the validation images"
    return element("h1", "Not finished: ", element("strong", f"{record.step:,}"), text)


def _learning(record: "Record", figures: dict[str, Figure]) -> Html | None:
    parts = []
    if record.history:
        parts.append(_curves.loss(record.history, figures))
    if record.validation:
        last = record.validation[-1]
        caption = (
            "Accuracy of the averaged weights on the validation images. Before the end a selection "
            f"of them is scored; the last point is of {units.count(last.get('images'))}."
        )
        parts.append(_curves.accuracy(record.validation, caption, figures))
    return element("div", *parts, class_="two") if parts else None


def _test(record: "Record", figures: dict[str, Figure]) -> Html | None:
    if record.result is None:
        return None
    scored = record.result["test"]
    classes = [score["name"] for score in scored.get("per_class") or ()]
    return _quality.test({"test": scored, "data": {"classes": classes}}, figures)


def _events(record: "Record") -> Html | None:
    if not record.events:
        return None
    lines = [element("li", line) for line in record.event_lines[:_LISTED]]
    if len(record.events) > len(lines):
        lines.append(element("li", f"and {len(record.events) - len(lines):,} more"))
    summary = element("summary", units.counted(len(record.events), "line"))
    return join([pairs(record.event_counts), element("details", summary, element("ul", *lines))])


def _speed(record: "Record", figures: dict[str, Figure]) -> Html | None:
    if not record.pace:
        return None
    memory = max(units.number(line.get("memory_bytes")) or 0.0 for line in record.pace)
    last = record.pace[-1]
    rows = [
        ("Largest memory of the process", units.size(memory)),
        ("Time", units.seconds(last.get("seconds"))),
        ("Processes", units.count(last.get("processes", 1))),
    ]
    return join([_curves.speed(record.pace, figures), pairs(rows)])


def _net(record: "Record") -> Html:
    settings = record.settings
    spec: Mapping[str, Any] = settings.get("spec", {})
    data: Mapping[str, Any] = settings.get("data", {})
    side = spec.get("input_side")
    rows = [
        ("Variant", f"{settings.get('variant')}, family {settings.get('family')}"),
        ("Input", f"{spec.get('in_channels')} x {side} x {side}"),
        ("Classes", units.count(spec.get("num_classes"))),
    ]  # fmt: skip
    splits = {"train": "Training images", "val": "Validation images"}
    rows += [(splits[key], units.count(data[key].get("images"))) for key in splits if key in data]
    rows += [
        (f"Its {key}", f"sha256 {settings[key][:12]}") for key in _OPTIONAL if settings.get(key)
    ]
    others = {
        k: v for k, v in spec.items() if k not in ("in_channels", "input_side", "num_classes")
    }
    rows.append(("Spec", ", ".join(f"{k}={v}" for k, v in others.items())))
    if record.result is not None:
        rows.append(("Bundle", str(record.result["bundle"])))
    return pairs([(term, shortened(what, 400)) for term, what in rows])


def _made(record: "Record") -> Html:
    settings = record.settings
    rows = [(str(k), str(v)) for k, v in (settings.get("versions") or {}).items()]
    rows.append(("device", str(settings.get("device"))))
    rows.append(("compiled", "yes" if settings.get("compiled") else "no"))
    return pairs(rows)
