"""Finding the figures of a variant; a table is found by its file being there."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from convatlas.facts.accuracies._published import Published


def published(variant: str) -> tuple[Published, ...]:
    """Every figure of `variant`, in the tables' order; none for a net that no source scores."""
    return _by_variant().get(variant, ())


def headline(variant: str) -> Published | None:
    """The figure of `variant` to compare nets by; see `headline_of`."""
    return headline_of(published(variant))


def headline_of(rows: Iterable[Published]) -> Published | None:
    """The figure to compare nets by: ImageNet, one crop of the variant's own side.

    The first with a top-1 error, else the first.
    """
    found = [r for r in rows if r.data == "imagenet" and r.single_crop and r.side is None]
    return next((row for row in found if row.top1_error is not None), found[0] if found else None)


@cache
def all_published() -> tuple[Published, ...]:
    """All figures, in the order of the files' names and of their tables."""
    package = import_module("convatlas.facts.accuracies")
    names = sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_"))
    tables = [import_module(f"{package.__name__}.{name}").PUBLISHED for name in names]
    return tuple(row for rows in tables for row in rows)


@cache
def _by_variant() -> Mapping[str, tuple[Published, ...]]:
    found: dict[str, list[Published]] = {}
    for row in all_published():
        found.setdefault(row.variant, []).append(row)
    return {variant: tuple(rows) for variant, rows in found.items()}
