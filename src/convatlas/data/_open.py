"""From what a person names to a data set with three splits."""

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from convatlas.data._assemble import Item, Origin, assemble
from convatlas.data._decode import Undecodable
from convatlas.data._digits import open_digits
from convatlas.data._fashion import open_fashion_mnist
from convatlas.data._folder import Found, Listing, list_folder
from convatlas.data._pool import available_cores
from convatlas.data._progress import Progress
from convatlas.data._scan import Seen, look_at_files, reporter
from convatlas.data._scan_cache import recall, remember, stamp_of
from convatlas.data._sources import FileImages
from convatlas.data._types import Dataset, Unreadable
from convatlas.data._walk import FOREIGN_EXTENSIONS, shown
from convatlas.errors import UserError

BUILT_IN = ("digits", "fashion-mnist")


def open_dataset(
    where: str,
    *,
    seed: int = 0,
    unreadable: Literal["skip", "refuse"] = "skip",
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Dataset:
    """The images that `where` names, every one looked at, divided into train, val and test.

    Args:
        where: `digits`, `fashion-mnist`, or a folder: `class/image`, or `train/class/image` with
            `val/` or `test/` or both beside it. A folder that is itself called digits: `./digits`.
        seed: decides the division where the folder does not; the same seed, the same splits.
        unreadable: whether image files that cannot be decoded are left out and listed, or refused.
        cache: folder for `scan.json`, by which the next opening decodes only what changed.

    Raises:
        UserError: if there is no such data set or it cannot be learned from; the message says why.
    """
    if where == "digits":
        return open_digits(seed=seed)
    if where == "fashion-mnist":
        return open_fashion_mnist(seed=seed, progress=progress)
    root = _existing_folder(where)
    listing = list_folder(root)
    seen = _scan(listing, progress=progress, cache=cache)
    lost = _unreadable(listing, seen)
    if lost and unreadable == "refuse":
        raise UserError(_refusal(where, lost))
    items = _items(listing, seen)
    _check_readable(listing, items, lost)
    return assemble(
        Origin(
            name=shown(root.resolve().name or os.fspath(root)),
            kind="folder",
            classes=tuple(sorted({item.label for item in items})),
            notes=listing.notes,
            ignored=listing.ignored,
            unreadable=lost,
        ),
        items,
        FileImages,
        seed=seed,
    )


def _existing_folder(where: str) -> Path:
    root = Path(where).expanduser()
    try:
        if root.is_dir():
            return root
        exists = root.exists()
    except (OSError, ValueError):  # ValueError: a name with a NUL
        exists = False
    if exists:
        raise UserError(
            f"{shown(where)!r} is a file; a folder is needed. Unpack it if it is an archive."
        )
    nearest = get_close_matches(where, BUILT_IN, n=1, cutoff=0.7)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise UserError(
        f"No data set at {where!r}: it does not exist.{hint} Give a folder with one sub-folder of "
        f"images per class, or one of: {', '.join(BUILT_IN)}."
    )


def _scan(listing: Listing, *, progress: Progress | None, cache: Path | None) -> list[Seen]:
    names = [listing.key(found) for found in listing.files]
    stamps = [stamp_of(found.path) for found in listing.files] if cache else []
    known = recall(cache, listing.root, names, stamps) if cache else {}
    fresh = [
        found.path for found, name in zip(listing.files, names, strict=True) if name not in known
    ]
    done = reporter("reading images", len(fresh), progress)
    news = iter(look_at_files(fresh, threads=available_cores(), done=done))
    seen: list[Seen] = [known.get(name) or next(news) for name in names]
    if cache and fresh:
        looks = [None if isinstance(look, Undecodable) else look for look in seen]
        remember(cache, listing.root, names, stamps, looks)
    return seen


def _unreadable(listing: Listing, seen: Sequence[Seen]) -> tuple[Unreadable, ...]:
    return tuple(
        Unreadable(listing.name(found), _reason(found, look))
        for found, look in zip(listing.files, seen, strict=True)
        if isinstance(look, Undecodable)
    )


def _reason(found: Found, why: Undecodable) -> str:
    extension = os.path.splitext(found.path)[1].lower()
    if extension in FOREIGN_EXTENSIONS:
        return f"{extension} files are not supported; convert it to JPEG or PNG"
    return str(why)


def _items(listing: Listing, seen: Sequence[Seen]) -> list[Item]:
    return [
        Item(listing.name(found), found.label, found.split, found.path, look)
        for found, look in zip(listing.files, seen, strict=True)
        if not isinstance(look, Undecodable)
    ]


def _refusal(where: str, lost: Sequence[Unreadable]) -> str:
    first = "; ".join(f"{file.name!r}: {file.reason}" for file in lost[:5])
    rest = f"; and {len(lost) - 5} more" if len(lost) > 5 else ""
    return (
        f"{where!r} has {len(lost)} unreadable image files: {first}{rest}. "
        "Mend or remove them, or let them be left out."
    )


def _check_readable(listing: Listing, items: Sequence[Item], lost: Sequence[Unreadable]) -> None:
    """Every class of every split must keep an image, or what is measured is not what was asked."""
    readable = {(item.split, item.label) for item in items}
    for found in listing.files:
        if (found.split, found.label) not in readable:
            first = f"{lost[0].name!r}: {lost[0].reason}"
            if not items:
                raise UserError(
                    f"None of the {len(lost)} image files in {shown(os.fspath(listing.root))!r} "
                    f"can be read. The first, {first}."
                )
            part = f"{found.split}/" if found.split else ""
            prefix = shown(os.path.dirname(listing.key(found)))
            mine = next((x for x in lost if x.name == listing.name(found)), lost[0])
            raise UserError(
                f"None of the images of class {part + found.label!r} can be read (folder "
                f"{prefix!r}); the first, {mine.name!r}: {mine.reason}. Mend or remove the folder."
            )
