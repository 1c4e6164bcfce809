"""CIFAR-10 and CIFAR-100 in the binary and the Python form of their publisher.

An image is 3,072 bytes: a plane of 32 x 32 each for red, green and blue. In the binary form one
byte of label (CIFAR-100: coarse, then fine) goes before each. The publisher's test set is ours.
Source: the CIFAR-10 and CIFAR-100 page of their publisher, "Dataset layout" and "Binary version".
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convatlas.data._arrays import Labelled, collect_arrays
from convatlas.data._collection import Collection, Origin
from convatlas.data._decode import Undecodable, read_content
from convatlas.data._types import SplitName
from convatlas.data._walk import shown
from convatlas.data.formats._pickled import read_pickle
from convatlas.errors import UserError

_PLANES = (3, 32, 32)
_IMAGE_BYTES = 3072
_PUBLISHED = 5  # training batches of CIFAR-10


class Layout(NamedTuple):
    """One of the four forms."""

    name: str
    training: str  # pattern of the files, with their number
    test: str
    names: str  # file of the classes' names
    label_bytes: int  # before an image; 0: a pickle
    names_key: str = ""  # of the pickled dictionaries
    labels_key: str = ""


LAYOUTS = (
    Layout("CIFAR-10", r"data_batch_([0-9]+)\.bin", "test_batch.bin", "batches.meta.txt", 1),
    Layout("CIFAR-100", r"train\.bin", "test.bin", "fine_label_names.txt", 2),
    Layout("CIFAR-10", r"data_batch_([0-9]+)", "test_batch", "batches.meta", 0,
           "label_names", "labels"),
    Layout("CIFAR-100", r"train", "test", "meta", 0, "fine_label_names", "fine_labels"),
)  # fmt: skip


def find_cifar(folder: Path) -> Layout | None:
    """The form whose training file and names lie in the folder, if one does."""
    files = {path.name for path in folder.iterdir() if path.is_file()}
    for layout in LAYOUTS:
        trained = any(re.fullmatch(layout.training, name) for name in files)
        numbered = "batch" in layout.training
        if trained and (numbered or layout.names in files):
            return layout
    return None


def collect_cifar(folder: Path, layout: Layout) -> Collection:
    """The images in the folder; the classes are the fine ones where there are two kinds.

    Raises:
        UserError: if a file is missing, damaged or no such data.
    """
    classes = _class_names(folder / layout.names, layout)
    batches = _training_batches(folder, layout)
    parts = [_read(path, "train", layout, classes) for path in batches]
    notes = []
    if layout.name == "CIFAR-10" and len(batches) < _PUBLISHED:
        notes.append(f"{len(batches)} of the publisher's {_PUBLISHED} training batches are there.")
    if (folder / layout.test).is_file():
        parts = [_joined(parts), _read(folder / layout.test, "test", layout, classes)]
    else:
        notes.append(f"{layout.test!r}, the publisher's test images, is not there.")
        parts = [_joined(parts)._replace(split=None)]
    if layout.name == "CIFAR-100":
        notes.append("The classes are the 100 fine ones; the 20 coarse ones are not used.")
    return collect_arrays(
        Origin(
            name=shown(folder.resolve().name), kind="cifar", classes=classes, notes=tuple(notes)
        ),
        shown(str(folder)),
        parts,
    )


def _joined(parts: Sequence[Labelled]) -> Labelled:
    return Labelled(
        parts[0].split,
        np.concatenate([part.pixels for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def _training_batches(folder: Path, layout: Layout) -> list[Path]:
    found: dict[int, Path] = {}
    for path in folder.iterdir():
        if (match := re.fullmatch(layout.training, path.name)) and path.is_file():
            found[int(match[1]) if match.groups() else 1] = path
    if missing := sorted(set(range(1, max(found) + 1)) - set(found))[:5]:
        names = ", ".join(f"data_batch_{number}" for number in missing)
        raise UserError(f"{shown(str(folder))!r} lacks {names}. Unpack the archive again.")
    return [found[number] for number in sorted(found)]


def _content(path: Path) -> bytes:
    try:
        return read_content(str(path))
    except Undecodable as error:
        where = shown(str(path))
        raise UserError(f"Cannot read {where!r}: {error}. Get the file again.") from error


def _class_names(path: Path, layout: Layout) -> tuple[str, ...]:
    if layout.label_bytes:
        text = _content(path).decode("utf-8", "backslashreplace")
        names: Any = [line.strip() for line in text.splitlines() if line.strip()]
    else:
        names = read_pickle(_content(path), shown(str(path))).get(layout.names_key)
    expected = 10 if layout.name == "CIFAR-10" else 100
    sound = isinstance(names, list) and all(type(name) is str for name in names)
    if not sound or len(set(names)) != expected or len(names) != expected:
        got = f"{len(names)} names" if sound else "no list of names"
        raise UserError(
            f"{shown(str(path))!r} holds {got}; {layout.name} has {expected} different ones. Get "
            "the file again."
        )
    return tuple(names)


def _read(path: Path, split: SplitName, layout: Layout, classes: Sequence[str]) -> Labelled:
    read = _read_binary if layout.label_bytes else _read_pickled
    part = read(path, split, layout)
    if len(part.labels) and int(part.labels.max()) >= len(classes):
        place = int(part.labels.argmax())
        raise UserError(
            f"{shown(str(path))!r}: image {place:,} has label {part.labels[place]}, but there are "
            f"{len(classes)} classes, counted from 0. Get the file again."
        )
    return part


def _read_binary(path: Path, split: SplitName, layout: Layout) -> Labelled:
    content = _content(path)
    record = layout.label_bytes + _IMAGE_BYTES
    if len(content) % record or not content:
        raise UserError(
            f"{shown(str(path))!r} holds {len(content):,} bytes, which is not a number of records "
            f"of {record:,}, as {layout.name} has. Get the file again."
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    pixels = records[:, layout.label_bytes :].reshape(-1, *_PLANES)
    return Labelled(split, pixels, records[:, layout.label_bytes - 1].astype(np.int64))


def _read_pickled(path: Path, split: SplitName, layout: Layout) -> Labelled:
    found: Mapping[str, Any] = read_pickle(_content(path), shown(str(path)))
    pixels, labels = found.get("data"), found.get(layout.labels_key)
    if (
        not isinstance(labels, list)
        or not all(type(n) is int and n >= 0 for n in labels)
        or not isinstance(pixels, np.ndarray)
        or pixels.shape[1:] != (_IMAGE_BYTES,)
    ):
        raise UserError(
            f"{shown(str(path))!r} does not hold 'data', n x {_IMAGE_BYTES:,} bytes, and "
            f"{layout.labels_key!r}, n numbers, as {layout.name} does. Get the file again."
        )
    if len(pixels) != len(labels) or not len(labels):
        raise UserError(
            f"{shown(str(path))!r} holds {len(pixels):,} images and {len(labels):,} labels. Get "
            "the file again."
        )
    return Labelled(split, pixels.reshape(-1, *_PLANES), np.array(labels, np.int64))
