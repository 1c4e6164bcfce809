"""A whole evaluation: the scores of one net, or of several and of their mean, kept on disk."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from convatlas.data import Images, Names, Progress, Unreadable, numbering
from convatlas.errors import UserError
from convatlas.evaluation._processes import Opener, fill
from convatlas.evaluation._scored import Scored
from convatlas.evaluation._store import Run, Store
from convatlas.files import writing

_VIEWS = 2048  # of a piece: what a kill may cost, in inputs of the net
_MOST, _LEAST = 256, 8  # images of a piece
_AT_ONCE = 1 << 22  # probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A net to be scored: what tells it from others, and how a process opens it."""

    name: str
    fingerprint: str  # of its files
    classes: tuple[str, ...]
    protocol: str  # in full, with the preprocessing
    num_views: int  # of each image
    opener: Opener


def scored_by(
    net: Contestant,
    images: Images,
    directory: Path,
    *,
    processes: int = 1,
    unreadable: Literal["skip", "refuse"] = "refuse",
    progress: Progress | None = None,
) -> Scored:
    """The probabilities that `net` gives every readable image, each scored once.

    They are kept below `directory` and used again: a run that was killed goes on, and any number of
    processes and machines may share it. Neither changes a bit, on machines of one kind.

    Raises:
        UserError: if an image is unreadable and `unreadable` is "refuse", if all are, or if the
            directory holds scores of other images or by another protocol.
    """
    if not len(images):
        raise UserError("There are no images to evaluate on. Give a data set that has some.")
    labels = sha256(images.labels.astype("<i8").tobytes()).hexdigest()[:16]
    run = Run(
        model=net.name,
        weights=net.fingerprint,
        data=f"{images.name}, {images.part}",
        images=f"{images.fingerprint}-{labels}",
        protocol=net.protocol,
        n=len(images),
        k=len(net.classes),
        piece=max(_LEAST, min(_MOST, _VIEWS // net.num_views)),
    )
    store = Store(directory / f"scores-{net.fingerprint[:12]}", run)
    store.prepare()
    fill(store, net.opener, processes=processes, progress=progress)
    probabilities, lost = store.joined()
    _check_readable(images, lost, unreadable)
    readable = np.delete(np.arange(len(images)), sorted(lost))
    names = images.names if not lost else Names(images.names[i] for i in readable.tolist())
    told = tuple(Unreadable(images.names[i], why) for i, why in sorted(lost.items()))
    return Scored(
        probabilities=probabilities,
        truth=images.labels[readable],
        names=names,
        classes=net.classes,
        protocol=net.protocol,
        model=net.name,
        unreadable=(*images.unreadable, *told),
    )


def _check_readable(images: Images, lost: dict[int, str], policy: str) -> None:
    if lost and policy == "refuse":
        first = "; ".join(f"{images.names[i]!r}: {lost[i]}" for i in sorted(lost)[:5])
        rest = f"; and {len(lost) - 5} more" if len(lost) > 5 else ""
        raise UserError(
            f"{images.name!r} has {len(lost)} unreadable image files: {first}{rest}. "
            "Mend or remove them, or leave them out with --unreadable skip."
        )
    if len(lost) == len(images):
        first_lost = min(lost)
        raise UserError(
            f"None of the {len(lost)} images of {images.name!r} can be read. The first, "
            f"{images.names[first_lost]!r}: {lost[first_lost]}."
        )


def ensemble_of(members: Sequence[Scored], directory: Path) -> Scored:
    """The mean of the members' probabilities, in the classes' order of the first.

    Raises:
        UserError: if their classes differ, or the images that they could read.
    """
    first = members[0]
    columns = [_columns(first, member) for member in members]
    for member in members[1:]:
        if list(member.names) != list(first.names):
            raise UserError(
                f"{member.model!r} could read {len(member):,} images and {first.model!r} "
                f"{len(first):,}; the files changed meanwhile. Evaluate again in a new --out."
            )
    path = directory / "ensemble.npy"
    step = max(1, _AT_ONCE // len(first.classes))
    with writing(path) as temporary, temporary.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": first.probabilities.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(first), step):
            file.write(_mean(members, columns, slice(start, start + step)).data)
    protocols = dict.fromkeys(member.protocol for member in members)
    return replace(
        first,
        probabilities=np.load(path, mmap_mode="r", allow_pickle=False),
        protocol=f"ensemble of {len(members)}: " + "; ".join(protocols),
        model=" + ".join(member.model for member in members),
    )


def _columns(first: Scored, member: Scored) -> npt.NDArray[np.int64]:
    """Where the first's classes stand in the member's probabilities."""
    position = {name: place for place, name in enumerate(member.classes)}
    ours, theirs = set(first.classes), set(member.classes)
    if ours != theirs:
        raise UserError(
            f"{first.model!r} and {member.model!r} have different classes. Only the first has "
            f"{sorted(ours - theirs)[:5]}, only the second {sorted(theirs - ours)[:5]}. "
            "An ensemble needs nets of the same classes."
        )
    return np.array([position[name] for name in first.classes], np.int64)


def _mean(
    members: Sequence[Scored], columns: Sequence[npt.NDArray[np.int64]], rows: slice
) -> npt.NDArray[np.float32]:
    total = np.zeros(members[0].probabilities[rows].shape, np.float64)
    for member, order in zip(members, columns, strict=True):
        total += member.probabilities[rows][:, order]
    return np.ascontiguousarray(total / len(members), np.float32)


def numbered_for(images: Images, classes: Sequence[str], wanted: Sequence[str]) -> Images:
    """`images`, whose labels number `classes`, with labels that number `wanted`.

    Raises:
        UserError: if a class is missing in `wanted`; both differences are named.
    """
    if tuple(classes) == tuple(wanted):
        return images
    return replace(images, labels=numbering(classes, wanted)[images.labels])
