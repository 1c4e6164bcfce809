"""Tar shards of labelled images, as WebDataset keeps them, read in place and by number.

A sample is the members of one key (the name up to the first dot of its last part): `000123.jpg`
beside `000123.cls` (a class's number or name) or `000123.json` (its "label"). A shard without any
label member is read as class folders instead: `cat/1.jpg`. Nothing is unpacked.

Source of the naming: the WebDataset format, github.com/webdataset/webdataset, "File Format".
"""

import os
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from convatlas.data._decode import MAX_FILE_BYTES, Undecodable, decode
from convatlas.data._names import Names
from convatlas.data._picture import Picture
from convatlas.data._progress import Progress
from convatlas.data._shard_labels import read_label
from convatlas.data._tar import Member, members
from convatlas.data._walk import FOREIGN_EXTENSIONS, IMAGE_EXTENSIONS, shown
from convatlas.errors import UserError

_KEY = re.compile(r"((?:.*/)?[^./][^./]*)\.([^/]+)", re.DOTALL)
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
_IMAGES = frozenset(ending[1:] for ending in IMAGE_EXTENSIONS | FOREIGN_EXTENSIONS)
_LABELS = ("cls", "json")  # the one that counts first
_MOST_SHARDS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class ShardIndex:
    """Where every image of some shards lies; about 30 bytes an image and its name."""

    paths: tuple[str, ...]
    names: Names = field(default_factory=Names)  # "val-000.tar/000123.jpg"
    shard: "array[int]" = field(default_factory=lambda: array("i"))
    offset: "array[int]" = field(default_factory=lambda: array("q"))
    size: "array[int]" = field(default_factory=lambda: array("q"))
    label: "array[int]" = field(default_factory=lambda: array("i"))  # position in `labels`
    labels: dict[str, int] = field(default_factory=dict)  # as they are spelt
    faults: dict[int, str] = field(default_factory=dict)  # why an image cannot be read
    others: dict[str, int] = field(default_factory=dict)  # "seg.png": files that are no sample's

    def __len__(self) -> int:
        return len(self.shard)

    def picture(self, index: int) -> Picture:
        """The picture of that number.

        Raises:
            Undecodable: if it cannot be read.
        """
        return decode(self.content(index))

    def content(self, index: int) -> bytes:
        """The bytes of the image file of that number.

        Raises:
            Undecodable: if it cannot be read.
        """
        if index in self.faults:
            raise Undecodable(self.faults[index])
        path, size = self.paths[self.shard[index]], self.size[index]
        try:
            with open(path, "rb", buffering=0) as file:
                content = os.pread(file.fileno(), size, self.offset[index])
        except OSError as error:
            raise Undecodable((error.strerror or str(error)).lower()) from error
        if len(content) < size:
            raise Undecodable("the archive has become shorter")
        return content

    def fingerprint(self) -> str:
        """Of the shards' sizes and times and of every image's name, place and label."""
        digest = sha256("\0".join(self.labels).encode())
        for path in self.paths:
            status = os.stat(path)
            told = f"\0{os.path.basename(path)}\0{status.st_size}\0{status.st_mtime_ns}"
            digest.update(told.encode("utf-8", "surrogateescape"))
        for numbers in (self.shard, self.offset, self.size, self.label):
            digest.update(numbers)
        return digest.hexdigest()[:32]


def shard_paths(where: str) -> tuple[str, ...]:
    """The shards that `where` names, in order: a .tar file, "val-{000..049}.tar", or a folder.

    Empty if it names none: a folder counts if it holds .tar files and no other folders.

    Raises:
        UserError: if a numbered shard is missing, or the numbers run backwards.
    """
    path = Path(where).expanduser()
    if path.is_dir():
        with os.scandir(path) as entries:
            seen = [entry for entry in entries if not entry.name.startswith(".")]
        if any(entry.is_dir() for entry in seen):
            return ()
        return tuple(sorted(entry.path for entry in seen if entry.name.endswith(".tar")))
    if not where.endswith(".tar"):
        return ()
    paths = tuple(_numbered(os.fspath(path)))
    missing = [each for each in paths if not os.path.isfile(each)]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(paths)} shards of {where!r} are not there; the first: "
            f"{shown(missing[0])!r}."
        )
    return paths


def _numbered(where: str) -> Iterator[str]:
    found = _BRACES.search(where)
    if not found:
        yield where
        return
    first, last = int(found[1]), int(found[2])
    if not 0 <= last - first < _MOST_SHARDS:
        raise UserError(
            f"{found[0]!r} in {where!r} must run upwards, over at most {_MOST_SHARDS:,} shards."
        )
    for number in range(first, last + 1):
        text = str(number).zfill(len(found[1]))
        yield from _numbered(where[: found.start()] + text + where[found.end() :])


def index_shards(paths: Sequence[str], *, progress: Progress | None = None) -> ShardIndex:
    """The images of the shards, found by their headers; no image is read.

    Raises:
        UserError: if a shard is damaged, holds an image without a label or twice, or no image.
    """
    index = ShardIndex(tuple(paths))
    common = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
    prefixes = [os.path.relpath(path, common) for path in paths]
    for number, path in enumerate(paths):
        before = len(index)
        _add_shard(index, number, shown(prefixes[number]))
        if len(index) == before:
            raise UserError(f"Shard {shown(path)!r} holds no image. Leave it away or make it anew.")
        if progress is not None:
            progress("reading shards", number + 1, len(paths))
    return index


@dataclass(slots=True)
class _Sample:
    image: Member | None = None
    labels: dict[str, Member] = field(default_factory=dict)


def _add_shard(index: ShardIndex, number: int, shard: str) -> None:
    path = index.paths[number]
    files = [member for member in members(Path(path)) if member.kind != "folder"]
    if any(_ending(member) in _LABELS for member in files):
        samples = _samples(files, shard)
        _count_others(index, files)
    else:
        images = [member for member in files if _ends_as_image(member.name)]
        samples = {member.name: _Sample(member) for member in images}
        if len(samples) < len(images):
            raise UserError(f"Shard {shard!r} holds an image twice. Write the archive anew.")
    with open(path, "rb", buffering=0) as file:
        for key, sample in samples.items():
            if sample.image is None:
                continue
            text = read_label(file, shard, key, sample.image, sample.labels)
            if fault := _fault(sample.image):
                index.faults[len(index)] = fault
            index.names.append(f"{shard}/{shown(sample.image.name)}")
            index.shard.append(number)
            index.offset.append(sample.image.offset)
            index.size.append(sample.image.size)
            index.label.append(index.labels.setdefault(text, len(index.labels)))


def _samples(files: Sequence[Member], shard: str) -> dict[str, _Sample]:
    """Samples by key, in the order of their first members."""
    samples: dict[str, _Sample] = {}
    for member in files:
        parts = _KEY.fullmatch(member.name)
        if parts is None:
            continue
        key, ending = parts[1], parts[2].lower()
        if ending in _LABELS:
            samples.setdefault(key, _Sample()).labels[ending] = member
        elif _is_image(ending):
            sample = samples.setdefault(key, _Sample())
            if sample.image is not None:
                raise UserError(
                    f"Shard {shard!r} has two images for {key!r}: {sample.image.name!r} and "
                    f"{member.name!r}. Keep one, or write the archive anew."
                )
            sample.image = member
    return samples


def _ending(member: Member) -> str:
    """What follows the key; empty for hidden files and those without a dot."""
    parts = _KEY.fullmatch(member.name)
    return parts[2].lower() if parts else ""


def _is_image(ending: str) -> bool:
    return ending in _IMAGES


def _ends_as_image(name: str) -> bool:
    base = os.path.basename(name)
    return not base.startswith(".") and _is_image(os.path.splitext(base)[1][1:].lower())


def _count_others(index: ShardIndex, files: Sequence[Member]) -> None:
    """Images beside a sample's own, such as masks: counted, so that none is passed over unsaid."""
    for member in files:
        ending = _ending(member)
        if not _is_image(ending) and _ends_as_image(member.name):
            index.others[ending] = index.others.get(ending, 0) + 1


def _fault(member: Member) -> str | None:
    """Why a member gives no image, whatever it holds."""
    if member.kind == "link":
        return "it is a link inside the archive, which is not followed"
    if member.kind != "file":
        return "it is no plain file inside the archive"
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return "its name leads out of the archive's folder"
    if member.size > MAX_FILE_BYTES:
        return f"{member.size:,} bytes; the limit is {MAX_FILE_BYTES:,}"
    return None
