"""What an ordinary run has none of, in words: unreadable images, skipped steps, the way back."""

from collections.abc import Iterable, Mapping
from typing import Any

_NAMED = 3  # images that a line names


def event_line(entry: Mapping[str, Any]) -> str:
    """One line of the log that is neither training nor validation, for people."""
    kind, step = entry["kind"], f"step {entry.get('step', 0):,}"
    if kind == "unreadable":
        lost = [f"{name!r} ({reason})" for name, reason in entry.get("images", {}).items()]
        return f"{step}: left out what could not be read: {_some(lost)}"
    if kind == "skipped":
        names = [repr(name) for name in entry.get("images", ())]
        return f"{step}: {entry.get('what')}; the step was skipped. Its images: {_some(names)}"
    if kind == "went_back":
        names = [repr(name) for name in entry.get("images", ())]
        return (
            f"step {entry.get('failed_step', 0):,}: {entry.get('what')}; went back to {step}, the "
            f"learning rate is {entry.get('rate')}. Images of the failed step: {_some(names)}"
        )
    if kind == "memory":
        return (
            f"{step}: memory did not suffice; a batch is now worked through in "
            f"{entry.get('micro_batches')} parts, and norms {entry.get('norms')}"
        )
    rest = ", ".join(f"{k}={v}" for k, v in entry.items() if k not in ("kind", "step"))
    return f"{step}: {kind} {rest}".rstrip()


def event_counts(entries: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What happened in a run, a row each; empty for an ordinary one."""
    events = list(entries)
    lost = {name for e in events if e["kind"] == "unreadable" for name in e.get("images", ())}
    skipped = sum(e["kind"] == "skipped" for e in events)
    back = [e for e in events if e["kind"] == "went_back"]
    memory = [e for e in events if e["kind"] == "memory"]
    rows = []
    if lost:
        rows.append(("unreadable images", f"{len(lost):,}, left out: {_some(sorted(lost))}"))
    if skipped:
        rows.append(("skipped steps", f"{skipped:,}"))
    if back:
        steps = ", ".join(f"{e.get('failed_step', 0):,}" for e in back)
        rows.append(("went back", f"after step {steps}; the learning rate is {back[-1]['rate']}"))
    if memory:
        rows.append(("micro-batches", f"{memory[-1]['micro_batches']}, memory did not suffice"))
    return rows


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
