"""Data sets as tables, as JSON and as a sheet of pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from convatlas.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

    from convatlas.data import Augmentation, Dataset, Material, Packed, Progress, Scan

_MOST_CLASSES = 40  # rows; above, the smallest and the largest half of it
_NAMED = 10  # of each kind of fault
_MOST_SIDE = 224  # of a sheet for no net in particular
Table = tuple[Sequence[str], list[list[str]]]


def report(dataset: "Dataset") -> dict[str, Any]:
    """What `data scan --json` prints."""
    return {
        "name": dataset.name,
        "kind": dataset.kind,
        "classes": list(dataset.classes),
        "titles": list(dataset.titles),
        "channels": dataset.channels,
        "native_side": dataset.native_side,
        "flip": dataset.flip,
        "images": {split.name: len(split) for split in dataset.splits},
        "notes": list(dataset.notes),
        "fingerprint": dataset.fingerprint,
        "scan": dataset.scan.as_dict(),
    }


def failures(scan: "Scan") -> str:
    """What the check finds fault with; empty if nothing."""
    found = []
    if scan.unreadable:
        found.append(f"{len(scan.unreadable):,} images cannot be read")
    if scan.leaks:
        found.append(f"{len(scan.leaks):,} images equal one of another split")
    return " and ".join(found) + "." if found else ""


def tables(dataset: "Dataset") -> Iterator[Table]:
    """What `data scan` prints."""
    scan = dataset.scan
    yield ("data", dataset.name), _about(dataset)
    yield _classes(dataset)
    if scan.leaks:
        yield _pairs("equals one of another split", scan.leaks)
    if scan.conflicts:
        yield _pairs("equals one of another class", scan.conflicts)
    if scan.unreadable:
        rows = [[file.name, file.reason] for file in scan.unreadable[:_NAMED]]
        yield ("cannot be read", "why"), rows + _more(len(scan.unreadable))


def _about(dataset: "Dataset") -> list[list[str]]:
    scan = dataset.scan
    total = sum(map(len, dataset.splits))
    per_class = [count for count in scan.counts["train"].values() if count]
    modes = ", ".join(f"{count:,} {mode}" for mode, count in scan.modes.items())
    return [
        ["kind", dataset.kind],
        ["images", f"{total:,} of {len(dataset.classes):,} classes"],
        ["colours", f"{'grey' if dataset.channels == 1 else 'RGB'} (stored: {modes})"],
        ["sides", f"{scan.smallest_side} to {scan.largest_side}, short ones mostly "
                  f"{scan.median_side}"],
        ["largest class", f"{max(per_class) / min(per_class):.3g} times the smallest to train on"],
        ["cannot be read", f"{len(scan.unreadable):,}"],
        ["copies", f"{len(scan.duplicates):,}, {len(scan.leaks):,} across splits, "
                   f"{len(scan.conflicts):,} across classes"],
        ["other files", f"{scan.ignored:,}"],
    ]  # fmt: skip


def _classes(dataset: "Dataset") -> Table:
    counts = dataset.scan.counts
    order = list(range(len(dataset.classes)))
    left_out = len(order) - _MOST_CLASSES
    if left_out > 0:
        by_size = sorted(order, key=lambda i: counts["train"][dataset.classes[i]])
        half = _MOST_CLASSES // 2
        order = by_size[:half] + by_size[-half:]
    named = dataset.titles != dataset.classes
    rows = []
    for place in order:
        label = dataset.classes[place]
        title = [dataset.titles[place]] if named else []
        rows.append([label, *title, *(f"{counts[split][label]:,}" for split in counts)])
    if left_out > 0:
        gap = [f"... {left_out:,} between", *([""] * (len(rows[0]) - 1))]
        rows.insert(_MOST_CLASSES // 2, gap)
    return ("class", *(["words"] if named else []), *counts), rows


def _pairs(what: str, pairs: Sequence[tuple[str, str]]) -> Table:
    rows = [[copy, first] for copy, first in pairs[:_NAMED]]
    return (what, "which"), rows + _more(len(pairs))


def _more(total: int) -> list[list[str]]:
    return [[f"... and {total - _NAMED:,} more (--json lists all)", ""]] if total > _NAMED else []


def packed_row(packed: "Packed") -> list[str]:
    """A packed file's row."""
    from convatlas.device import format_bytes

    return [
        str(packed.path),
        f"{packed.images:,}",
        packed.form or "as decoded",
        format_bytes(packed.size_bytes),
        format_bytes(packed.size_bytes / packed.images),
        packed.made_because or "not made: it is up to date",
    ]


def check_png(out: Path) -> None:
    """Refuse a name that is no picture's, and a place that cannot be written.

    Raises:
        UserError: before any image is read.
    """
    from convatlas.files import check_writable

    if out.suffix.lower() != ".png":
        raise UserError(f"--out {str(out)!r}: the sheet is a PNG file. Give a name ending in .png.")
    check_writable(out)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet and what is on it."""

    image: "Image.Image"
    about: dict[str, Any]

    def write(self, out: Path) -> dict[str, Any]:
        """Write the PNG file, whole or not at all; what is on it, for people and programs."""
        from convatlas.files import writing

        with writing(out) as temporary:
            self.image.save(temporary, "PNG")
        width, height = self.image.size
        return {"sheet": str(out), **self.about, "width": width, "height": height}


def draw(
    data: str,
    *,
    net: str | None,
    recipe: str | None,
    side: int | None,
    epochs: int,
    per_class: int,
    seed: int,
    cache: Path | None,
    progress: "Progress",
) -> Sheet:
    """The sheet of a data set under a recipe's changes, or those that suit the data."""
    from convatlas.data import Material, contact_sheet, open_dataset

    variant = _variant(net, recipe)
    dataset = open_dataset(data, seed=seed, progress=progress, cache=cache)
    with TemporaryDirectory(prefix="convatlas-") as folder:
        material = Material(dataset, Path(folder), threads=1, progress=progress)
        size = side or _side(variant, dataset.native_side)
        augmentation = _augmentation(material, variant, recipe, size, seed)
        image = contact_sheet(
            material.on_demand("train", size), dataset.titles, augmentation, size,
            images=per_class, epochs=epochs, seed=seed,
        )  # fmt: skip
    about = {"data": dataset.name, "net": variant, "recipe": recipe, "side": size, "seed": seed}
    return Sheet(image, {name: value for name, value in about.items() if value is not None})


def _variant(net: str | None, recipe: str | None) -> str | None:
    """The net whose training is shown: the one asked for, or the recipe's own."""
    from convatlas import models
    from convatlas.training.recipes import find

    if net is not None:
        models.family_of(net)
    if recipe is None:
        return net
    named = find(recipe)
    nets: tuple[str, ...] = getattr(named, "nets", ())
    own = net or next((name for pattern in nets for name in models.find(pattern)), None)
    if own is None:
        raise UserError(f"Recipe {recipe!r} is for any net. Say with --net which is to be trained.")
    return own


def _side(variant: str | None, native_side: int) -> int:
    """As `convatlas train` chooses it."""
    from convatlas import models

    most = _MOST_SIDE if variant is None else models.spec_of(variant).input_side
    return min(most, max(native_side, 8))


def _augmentation(
    material: "Material", variant: str | None, recipe: str | None, side: int, seed: int
) -> "Augmentation":
    from convatlas import models
    from convatlas.training import recipe_for

    if variant is None or recipe is None:
        return material.augmentation
    dataset = material.dataset
    spec = models.spec_of(
        variant,
        num_classes=len(dataset.classes),
        in_channels=dataset.channels,
        input_side=side,
    )
    return recipe_for(material, variant, spec, steps=1000, seed=seed, name=recipe).augmentation
