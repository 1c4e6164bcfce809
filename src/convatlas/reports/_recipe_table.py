"""A recipe as a table: what differs from the defaults first, the rest folded away."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from convatlas.reports import _units as units
from convatlas.reports._html import Html, element, join
from convatlas.reports._tables import Cell, Column, table

if TYPE_CHECKING:
    from convatlas.training import Record

_PART = "augmentation"


def section(record: "Record") -> Html | None:
    """The recipe of a training."""
    recipe = _flat(record.settings.get("recipe", {}))
    defaults = _flat(record.defaults)
    if not recipe:
        return None
    names = list(dict.fromkeys([*recipe, *defaults]))
    rows = {
        name: _row(name, recipe.get(name), defaults.get(name), record.places)
        for name in names
        if name != "name"
    }
    differs = [name for name in rows if recipe.get(name) != defaults.get(name)]
    same = [name for name in rows if name not in differs]
    columns = [Column("Field"), Column("Value"), Column("Default")]
    if record.places:
        columns.append(Column("Stated in"))
    width = len(columns)
    caption = "Fields that differ from the defaults"
    parts = [
        table(caption, columns, [rows[name][:width] for name in differs], sortable=False),
        element(
            "details",
            element("summary", f"{units.counted(len(same), 'field')} as by default"),
            table("As by default", columns[:2], [rows[n][:2] for n in same], sortable=False),
        ),
    ]
    return join(parts)


def _row(name: str, value: Any, default: Any, places: Mapping[str, str]) -> list[Cell]:
    place = places.get(name.removeprefix(f"{_PART}."), "")
    return [Cell(name), Cell(_shown(value)), Cell(_shown(default)), Cell(place)]


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, those of the augmentation by their own names."""
    own = {name: value for name, value in values.items() if name != _PART}
    parts = values.get(_PART) or {}
    return {**own, **{f"{_PART}.{name}": value for name, value in parts.items()}}


def _shown(value: Any) -> str:
    if value is None:
        return units.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value)) or "none"
    return str(value)
