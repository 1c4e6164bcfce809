"""From images that have been looked at to a `Dataset`: division, counts, copies, fingerprint."""

from hashlib import sha256
from typing import Literal

import numpy as np
import numpy.typing as npt

from convatlas.data._collection import Collection, Origin
from convatlas.data._divide import Labelling, divide
from convatlas.data._scan import Looks, count_modes, find_copies
from convatlas.data._sources import SomeImages
from convatlas.data._split import Parts
from convatlas.data._types import SPLITS, Dataset, Scan, Split, SplitName, Unreadable


def assemble(collection: Collection, looks: Looks, *, seed: int) -> Dataset:
    """Divide the images and say everything about them.

    Raises:
        UserError: if a class has too few images to be divided.
    """
    origin = collection.origin
    kept = looks.readable
    some = looks.some(kept)
    labels = collection.labels[kept].astype(np.int64)
    labelling = Labelling(
        collection.names.chosen(kept.tolist()), labels, collection.parts[kept], some.digests,
        origin.classes,
    )  # fmt: skip
    divided = divide(labelling, origin.hold_out, seed=seed)
    scan = _scan(collection, looks, some, labelling, divided.parts)
    splits = {
        name: _split(name, collection, kept[members], labels[members], looks)
        for name, members in divided.parts.items()
    }
    channels: Literal[1, 3] = 1 if some.grey.all() else 3
    return Dataset(
        name=origin.name,
        kind=origin.kind,
        classes=origin.classes,
        titles=origin.titles or origin.classes,
        channels=channels,
        native_side=scan.median_side,
        flip=channels == 3 if origin.flip is None else origin.flip,
        train=splits["train"],
        val=splits["val"],
        test=splits["test"],
        notes=(*divided.notes, *origin.notes, *_warnings(scan, labelling)),
        scan=scan,
        fingerprint=_fingerprint(origin, splits),
    )


def unreadable_of(collection: Collection, looks: Looks) -> tuple[Unreadable, ...]:
    """The images that cannot be read, in order, with reasons."""
    faults = sorted(looks.faults.items())
    here = (Unreadable(collection.names[index], reason) for index, reason in faults)
    return (*collection.origin.unreadable, *here)


def _split(
    name: SplitName,
    collection: Collection,
    members: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    looks: Looks,
) -> Split:
    names = collection.names.chosen(members.tolist())
    digest = sha256(looks.digests[members].tobytes())
    digest.update(collection.origin.form.encode())
    return Split(
        name=name,
        labels=labels,
        names=names,
        source=SomeImages(collection.source, names, members),
        fingerprint=digest.hexdigest()[:32],
    )


def _scan(
    collection: Collection,
    looks: Looks,
    some: Looks,
    labelling: Labelling,
    parts: Parts,
) -> Scan:
    classes, labels, names = labelling.classes, labelling.labels, labelling.names
    split_of = np.empty(len(labels), np.int8)
    for name, members in parts.items():
        split_of[members] = SPLITS.index(name)
    first = find_copies(some.digests).first
    copied = np.flatnonzero(first != np.arange(len(labels)))
    originals = first[copied]
    leaks = split_of[copied] != split_of[originals]
    conflicts = labels[copied] != labels[originals]
    pairs = [(names[a], names[b]) for a, b in zip(copied.tolist(), originals.tolist(), strict=True)]
    counts = {n: np.bincount(labels[parts[n]], minlength=len(classes)).tolist() for n in SPLITS}
    sides = np.minimum(some.widths, some.heights)
    return Scan(
        counts={n: dict(zip(classes, counts[n], strict=True)) for n in SPLITS},
        smallest_side=int(sides.min()),
        median_side=round(float(np.median(sides))),
        largest_side=int(np.maximum(some.widths, some.heights).max()),
        modes=count_modes(some),
        ignored=collection.origin.ignored,
        unreadable=unreadable_of(collection, looks),
        duplicates=tuple(pairs),
        leaks=tuple(pair for pair, leak in zip(pairs, leaks, strict=True) if leak),
        conflicts=tuple(pair for pair, other in zip(pairs, conflicts, strict=True) if other),
    )


def _warnings(scan: Scan, labelling: Labelling) -> list[str]:
    """What a person should know before trusting a score."""
    warnings = []
    if empty := [label for label in labelling.classes if not scan.counts["train"][label]]:
        first = ", ".join(map(repr, empty[:5]))
        warnings.append(f"{len(empty)} classes have no images to train on: {first}.")
    if scan.leaks:
        a, b = scan.leaks[0]
        warnings.append(
            f"{len(scan.leaks)} images equal one of another split, for example {a!r} and {b!r}: "
            "scores on them flatter."
        )
    if scan.conflicts:
        a, b = scan.conflicts[0]
        warnings.append(
            f"{len(scan.conflicts)} images equal one of another class, for example {a!r} and {b!r}."
        )
    if scan.unreadable:
        warnings.append(f"{len(scan.unreadable)} image files cannot be read and are left out.")
    return warnings


def _fingerprint(origin: Origin, splits: dict[SplitName, Split]) -> str:
    digest = sha256("\0".join((origin.kind, *origin.classes)).encode())
    for name in SPLITS:
        digest.update(f"\0{name}\0{splits[name].fingerprint}\0".encode())
        digest.update(splits[name].labels.astype("<i8").tobytes())
    return digest.hexdigest()[:32]
