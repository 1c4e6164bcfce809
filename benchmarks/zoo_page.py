"""Write docs/zoo.md: every net with its counts and what papers print of it, family by family.

Run: `.venv/bin/python benchmarks/zoo_page.py` (half a minute), after benchmarks/counts.py.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from textwrap import fill
from typing import Any

from convatlas import models
from convatlas.analysis import Checked, check_facts
from convatlas.cli.models import CATALOGUE
from convatlas.models import Family

PAGE = Path(__file__).parent.parent / "docs" / "zoo.md"
LABELS = ("Departs from the paper", "Common elsewhere")
OUTCOMES = ("exact", "rounds", "truncates", "explained", "open", "unexplained")
VERBS = {
    "exact": "are exact",
    "rounds": "round",
    "truncates": "truncate",
    "explained": "are explained",
    "open": "are open",
    "unexplained": "are not explained",
}
HEAD = """\
Written by `make docs`; nobody types a figure here. {variants} networks of {families} families. Of
{figures} printed figures {counts}. "Rounds" and "truncates" are to the digits that the source
prints; an "explained" figure differs for a cause that `convatlas check` says, an "open" one for no
cause that is known, and `check` says what was tried. The input is channels x height x width.
Mult-adds are those of convolutions and linear layers, a multiply and an add being one. A name in
brackets is a source; `convatlas show NET` says the place in it.
"""


def page() -> str:
    catalogue = json.loads(CATALOGUE.read_text())["variants"]
    checked = check_facts()
    counts = Counter(c.outcome for c in checked)
    head = HEAD.format(
        variants=len(models.variants()),
        families=len(models.families()),
        figures=f"{len(checked):,}",
        counts=", ".join(f"{counts[o]} {VERBS[o]}" for o in OUTCOMES if counts[o]),
    )
    parts = ["# The zoo\n", fill(" ".join(head.split()), 100) + "\n"]
    for family in models.families().values():
        of_family = [c for c in checked if c.fact.variant in family.variants]
        parts.append(section(family, catalogue, of_family))
    return "\n".join(parts)


def section(family: Family, catalogue: dict[str, Any], checked: list[Checked]) -> str:
    paper = family.paper
    lines = [f"## {family.title}\n", f"{paper.title}. {paper.venue}. {paper.link}\n"]
    lines += [f"{label}: {text}\n" for label, text in paragraphs(family).items()]
    lines += ["| net | params | mult-adds | input | printed, and how it compares |"]
    lines += ["|---|--:|--:|---|---|"]
    for name in family.variants:
        entry = catalogue[name]
        figures = told([c for c in checked if c.fact.variant == name])
        lines.append(
            f"| `{name}` | {entry['params']:,} | {entry['mult_adds']:,} "
            f"| {'x'.join(map(str, entry['input']))} | {figures} |"
        )
    return "\n".join(lines) + "\n"


def paragraphs(family: Family) -> dict[str, str]:
    """What the docstring of a family's file says under each label, as one line."""
    text = sys.modules[f"convatlas.models.{family.name}"].__doc__ or ""
    found = {}
    for label in LABELS:
        match = re.search(rf"^{label}:(.*?)(?=^[A-Z][\w ]+: |^\s*$|\Z)", text, re.DOTALL | re.M)
        if match:
            found[label] = " ".join(match.group(1).split())
    return found


def told(checked: list[Checked]) -> str:
    """The figures of the whole net, each with those who print it; then how many of its parts."""
    whole: dict[str, dict[str, list[str]]] = {}
    for c in checked:
        if not c.fact.part:
            figures = whole.setdefault(c.label.replace("_", "-"), {})
            figures.setdefault(f"{c.printed} {c.outcome}", []).append(c.fact.paper.key)
    cells = [
        f"{label}: "
        + ", ".join(f"{figure} ({', '.join(dict.fromkeys(k))})" for figure, k in figures.items())
        for label, figures in whole.items()
    ]
    parts = Counter(c.outcome for c in checked if c.fact.part)
    if parts:
        cells.append("parts: " + ", ".join(f"{parts[o]} {o}" for o in OUTCOMES if parts[o]))
    return "; ".join(cells)


if __name__ == "__main__":
    PAGE.write_text(page())
