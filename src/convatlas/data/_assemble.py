"""From images that have been looked at to a `Dataset`: division, counts, copies, fingerprint."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from statistics import median
from typing import Any, Literal, NamedTuple

import numpy as np

from convatlas.data._divide import Divided, divide
from convatlas.data._scan import Look, count_modes, find_copies
from convatlas.data._split import Share
from convatlas.data._types import SPLITS, Dataset, ImageSource, Scan, Split, SplitName, Unreadable

HOLD_OUT = (Share("test", 0.15), Share("val", 0.15))


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the images come from and what is known before they are divided."""

    name: str
    kind: Literal["digits", "fashion-mnist", "folder"]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ignored: int = 0
    unreadable: tuple[Unreadable, ...] = ()
    flip: bool | None = None  # None: colour images may be mirrored, grey ones not
    hold_out: tuple[Share, ...] = HOLD_OUT  # where nobody has divided the images


class Item(NamedTuple):
    """One readable image."""

    name: str
    label: str
    split: SplitName | None  # None: not divided yet
    place: Any  # path or position: what the source needs to give the image
    look: Look


OpenSource = Callable[[Sequence[Any]], ImageSource]


def assemble(
    origin: Origin, items: Sequence[Item], open_source: OpenSource, *, seed: int
) -> Dataset:
    """Divide the images and say everything about them.

    Raises:
        UserError: if a class has too few images to be divided.
    """
    position = {label: index for index, label in enumerate(origin.classes)}
    labels = np.array([position[item.label] for item in items], np.int64)
    divided = divide(items, labels, origin.classes, origin.hold_out, seed=seed)
    scan = _scan(origin, items, labels, divided)
    splits: dict[SplitName, Split] = {}
    for name in SPLITS:
        chosen = [items[i] for i in divided.parts[name]]
        splits[name] = Split(
            name=name,
            labels=labels[divided.parts[name]],
            names=tuple(item.name for item in chosen),
            source=open_source([item.place for item in chosen]),
            fingerprint=sha256(b"".join(item.look.digest for item in chosen)).hexdigest()[:32],
        )
    channels: Literal[1, 3] = 1 if all(item.look.grey for item in items) else 3
    return Dataset(
        name=origin.name,
        kind=origin.kind,
        classes=origin.classes,
        channels=channels,
        native_side=scan.median_side,
        flip=channels == 3 if origin.flip is None else origin.flip,
        train=splits["train"],
        val=splits["val"],
        test=splits["test"],
        notes=(*divided.notes, *origin.notes, *_warnings(scan)),
        scan=scan,
        fingerprint=_fingerprint(origin, splits),
    )


def _scan(
    origin: Origin, items: Sequence[Item], labels: np.ndarray[Any, Any], divided: Divided
) -> Scan:
    split_of = np.empty(len(items), object)
    for name, members in divided.parts.items():
        split_of[members] = name
    counts = {name: Counter(items[i].label for i in divided.parts[name]) for name in divided.parts}
    copies = find_copies(
        [item.name for item in items], [item.look.digest for item in items],
        split_of.tolist(), labels.tolist(),
    )  # fmt: skip
    looks = [item.look for item in items]
    return Scan(
        counts={n: {label: counts[n][label] for label in origin.classes} for n in SPLITS},
        smallest_side=min(min(look.width, look.height) for look in looks),
        median_side=round(median(min(look.width, look.height) for look in looks)),
        largest_side=max(max(look.width, look.height) for look in looks),
        modes=count_modes(looks),
        ignored=origin.ignored,
        unreadable=origin.unreadable,
        duplicates=copies.duplicates,
        leaks=copies.leaks,
        conflicts=copies.conflicts,
    )


def _warnings(scan: Scan) -> list[str]:
    """What a person should know before trusting a score."""
    warnings = []
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
