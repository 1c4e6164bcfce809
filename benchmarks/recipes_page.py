"""Write docs/recipes.md: every recipe, the values it sets, and where its paper states them.

Run: `.venv/bin/python benchmarks/recipes_page.py` (seconds).
"""

import sys
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from pkgutil import iter_modules
from textwrap import fill
from types import ModuleType

from convatlas import models
from convatlas.cli._recipes import nets, row, shown
from convatlas.training import recipes as room
from convatlas.training.recipes import WITHOUT, Described, described, find, names, why_none
from convatlas.training.recipes._plain import PLAIN

PAGE = Path(__file__).parent.parent / "docs" / "recipes.md"
HEAD = """\
Written by `make docs`; nobody types a value here. {papers} recipes of papers and their released
code, {nets} of the zoo's {variants} nets. Times are epochs of the recipe's own length; `--epochs`
makes a run shorter and keeps its shape, and the rate follows `--batch` in proportion where no other
"scaling" is said. A value without a place is not stated by the source and said under "departs". A
place marked "recalled" was not read again when it was written down. What a table leaves out is off
(warm-up, smoothing, averaging, Nesterov's momentum) or of no effect; `convatlas recipes show NAME`
tells every value.
"""
SILENT = {**PLAIN.as_dict(), **PLAIN.augmentation.as_dict(), "scaling": "linear"}
SILENT |= {"flip_rule": "random", "milestones": ()}
COLUMNS = ("recipe", "nets", "epochs", "batch", "optimizer", "rate", "schedule", "paper")


def page() -> str:
    recipes = [described(find(name)) for name in names()]
    of_papers = [recipe for recipe in recipes if recipe.nets]
    covered = {net for recipe in of_papers for net in recipe.nets}
    head = HEAD.format(papers=len(of_papers), nets=len(covered), variants=len(models.variants()))
    parts = ["# Recipes\n", fill(" ".join(head.split()), 100) + "\n"]
    parts.append(table(COLUMNS, [row(recipe) for recipe in of_papers]))
    parts += [chapter(module) for module in modules()]
    parts.append("## Nets without a paper's recipe\n")
    parts.append(table(("nets", "why"), [(f"`{net}`", why) for net, why in WITHOUT.items()]))
    return "\n".join(parts)


def modules() -> list[ModuleType]:
    """The files with papers' recipes, in the order of their names."""
    found = sorted(m.name for m in iter_modules(room.__path__) if not m.name.startswith("_"))
    imported = [import_module(f"{room.__name__}.{name}") for name in found]
    return [m for m in imported if any(described(r).nets for r in m.RECIPES)]


def chapter(module: ModuleType) -> str:
    """A file's recipes below what its docstring says of hardware, time and expected results."""
    first, *rest = (getdoc(module) or "").split("\n\n")
    title = first.partition(":")[0]
    lines = [f"## {title}\n", *(paragraph + "\n" for paragraph in rest)]
    return "\n".join(lines + [section(described(recipe)) for recipe in module.RECIPES])


def section(recipe: Described) -> str:
    values = [
        v
        for v in recipe.values
        if v.place or not (v.is_default or SILENT.get(v.field, None) == v.value)
    ]
    rows = [(f"`{v.field}`", shown(v.value), v.place) for v in values]
    lines = [f"### {recipe.name}\n", recipe.about + "\n"]
    if paper := recipe.paper:
        lines.append(f"{paper.title}. {paper.venue}. {paper.link}\n")
    lines.append(f"For {nets(recipe)}: `{recipe.command}`\n")
    lines.append(table(("field", "value", "stated in"), rows))
    lines += [f"- departs: {line}" for line in recipe.departs]
    return "\n".join(lines) + "\n" * bool(recipe.departs)


def table(columns: tuple[str, ...], rows: list) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in r) + " |" for r in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    uncovered = set(models.variants()) - {n for r in names() for n in described(find(r)).nets}
    if unexplained := sorted(net for net in uncovered if why_none(net) is None):
        sys.exit(f"No recipe and no reason: {', '.join(unexplained)}")
    PAGE.write_text(page())
    sys.stderr.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
