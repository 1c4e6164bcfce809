"""What went in and what came out: data, commands, files, environment, time."""

from collections.abc import Mapping, Sequence
from typing import Any

from convatlas.reports import _units as units
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._tables import Cell, Column, bar, pairs, table

_LISTED = 200  # names of a collapsed list


def data(result: Mapping[str, Any]) -> Html | None:
    """The images, how they were split, and what is wrong with some."""
    facts = result.get("data")
    if not facts:
        return None
    splits = {"train": "Training", "val": "Validation", "test": "Test"}
    images = [
        (splits.get(key, key), f"{units.count(n)} images")
        for key, n in (facts.get("counts") or {}).items()
    ]
    classes = [str(c) for c in facts.get("classes") or ()]
    colour = "grey" if facts.get("channels") == 1 else "colour"
    rows = [*images, ("Classes", units.count(len(classes)))]
    if facts.get("native_side"):
        rows.append(
            ("Images are", f"{colour}, usually {facts['native_side']} pixels on the short side")
        )
    notes = [element("li", note) for note in facts.get("notes") or ()]
    unreadable = facts.get("unreadable") or ()
    duplicates = facts.get("duplicates") or ()
    return join(
        [
            pairs(rows),
            element("ul", *notes) if notes else "",
            _collapsed(("class", "classes"), [name(c) for c in classes], len(classes)),
            _collapsed(
                ("unreadable file", "unreadable files"),
                [join([name(u["name"]), ": ", u["reason"]]) for u in unreadable],
                facts.get("unreadable_count", len(unreadable)),
            ),
            _collapsed(
                ("group of files with the same image", "groups of files with the same image"),
                [join(_listed(group)) for group in duplicates],
                facts.get("duplicates_count", len(duplicates)),
            ),
        ]
    )


def use(result: Mapping[str, Any]) -> Html | None:
    """Commands to copy, files, and how far the exported net agrees with the trained one."""
    commands, files = result.get("commands") or (), result.get("files") or {}
    parts = [_command(c["text"], c["command"]) for c in commands]
    if files:
        parts.append(_files(files))
    parity = result.get("parity")
    if parity:
        parts.append(_parity(parity))
    return join(parts) if parts else None


def made(result: Mapping[str, Any]) -> Html | None:
    """Machine and versions; where the time went."""
    environment, phases = result.get("environment") or {}, result.get("seconds") or {}
    parts: list[str] = []
    if phases:
        parts.append(_phases(phases))
    if environment:
        rows = [(str(k).replace("_", " "), _flat(v)) for k, v in environment.items()]
        parts.append(element("h3", "Environment"))
        parts.append(pairs(rows))
    return join(parts) if parts else None


def _collapsed(thing: tuple[str, str], entries: Sequence[str], total: int) -> str:
    """A closed list under its count; `total` may be more than the entries at hand."""
    if not entries:
        return ""
    shown = [element("li", e) for e in entries[:_LISTED]]
    if total > len(shown):
        shown.append(element("li", f"and {total - len(shown):,} more"))
    summary = element("summary", units.counted(total, *thing))
    return element("details", summary, element("ul", *shown))


def _listed(group: Sequence[str]) -> list[str]:
    parts: list[str] = []
    for one in group:
        parts += [" = ", name(one)] if parts else [name(one)]
    return parts


def _command(text: str, command: str) -> Html:
    lines: list[str] = []
    for line in command.splitlines() or [""]:
        lines += [Html("\n"), line] if lines else [line]
    button = element("button", "Copy", type="button", class_="copy", hidden=True)
    code = element("pre", element("code", *lines), tabindex="0")
    return element("div", element("p", text), element("div", code, button), class_="command")


def _files(files: Mapping[str, Any]) -> Html:
    kinds = [("bundle", "Weights, classes, preprocessing and history: what convatlas reads")]
    kinds += [("onnx", "The net for any ONNX runtime")]
    rows = []
    for kind, meaning in kinds:
        if files.get(kind):
            size = files.get(f"{kind}_bytes")
            rows.append([Cell(name(files[kind])), Cell(units.size(size)), Cell(meaning)])
    columns = (Column("File"), Column("Size", figures=True), Column("Holds"))
    return table("Files", columns, rows, sortable=False)


def _parity(parity: Mapping[str, Any]) -> Html:
    share = units.number(parity.get("agreement"))
    images = units.counted(parity.get("n", 0), "image")
    text = (
        f"The exported net against the trained one on {images}: "
        f"same answer for {units.percent(None if share is None else 100 * share)}, "
    )
    worst = units.number(parity.get("max_difference"))
    relative = units.number(parity.get("relative_difference"))
    text += f"largest difference of a logit {units.MISSING if worst is None else f'{worst:.1e}'}"
    text += "." if relative is None else f" ({relative:.1e} of the largest logit)."
    return element("p", text)


def _phases(phases: Mapping[str, Any]) -> Html:
    taken = {k: units.number(v) or 0.0 for k, v in phases.items()}
    total = sum(taken.values())
    rows = [
        [
            Cell(str(phase).replace("_", " ")),
            Cell(units.seconds(s)),
            Cell(_part(s, total)),
        ]
        for phase, s in taken.items()
    ]
    columns = (Column("Phase"), Column("Time", figures=True), Column("Share"))
    caption = f"Where the time went: {units.seconds(total)} in all"
    return table(caption, columns, rows, sortable=False)


def _part(s: float, total: float) -> Html:
    share = s / total if total else 0.0
    return join([bar(share), element("span", units.percent(100 * share, 0))])


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_flat(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_flat(v) for v in value)
    return str(value)
