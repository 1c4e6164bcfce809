"""What comes nearest when nothing fits."""

from convatlas.choosing._budget import Budgets
from convatlas.choosing._candidates import Candidate
from convatlas.device import format_bytes, format_seconds
from convatlas.errors import UserError


def nearest(listed: list[Candidate], budgets: Budgets) -> str:
    """A sentence naming the candidate whose worst excess over a budget is smallest.

    A latency that was not measured, because cost had ruled the net out, is not judged.
    """
    if not listed:
        raise UserError("No net of the zoo builds for images of this size and these classes.")
    best = min(listed, key=lambda c: max(_excess(c, budgets).values(), default=0.0))
    over = [_say(best, what, budgets) for what, x in _excess(best, budgets).items() if x > 1]
    return f"Nothing fits. Nearest: {best.id}: {'; '.join(over) or best.reason}."


def _excess(candidate: Candidate, budgets: Budgets) -> dict[str, float]:
    """Needed over asked, for each budget that is known of the candidate."""
    found: dict[str, float] = {}
    if budgets.size_bytes is not None:
        found["size"] = candidate.size_bytes / budgets.size_bytes
    if budgets.memory_bytes is not None:
        found["memory"] = candidate.predicted_memory_bytes / budgets.memory_bytes
    if budgets.latency_s is not None and candidate.latency is not None:
        found["latency"] = candidate.latency["q3_s"] / budgets.latency_s
    elif candidate.state == "too slow":
        found["latency"] = float("inf")
    return found


def _say(candidate: Candidate, what: str, budgets: Budgets) -> str:
    excess = _excess(candidate, budgets)[what]
    if what == "latency" and candidate.latency is not None and budgets.latency_s is not None:
        needs, asked = format_seconds(candidate.latency["q3_s"]), format_seconds(budgets.latency_s)
    elif what == "size" and budgets.size_bytes is not None:
        needs, asked = format_bytes(candidate.size_bytes), format_bytes(budgets.size_bytes)
    elif what == "memory" and budgets.memory_bytes is not None:
        needs = format_bytes(candidate.predicted_memory_bytes)
        asked = format_bytes(budgets.memory_bytes)
    else:
        return candidate.reason
    return f"{what} needs {needs}, {asked} asked ({excess:.3g} times)"
