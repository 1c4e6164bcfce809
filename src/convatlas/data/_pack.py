"""A data set decoded into one file, made again only when it has changed."""

from dataclasses import dataclass
from pathlib import Path

from convatlas.data._collect import collect
from convatlas.data._open import look_at_all
from convatlas.data._progress import Progress
from convatlas.data.packed import PackedForm, write_packed
from convatlas.data.packed._header import Damaged, has_magic, read_header
from convatlas.data.packed._read import read_checked
from convatlas.errors import UserError
from convatlas.files import check_writable

ENDING = ".packed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A packed file, and whether it had to be made."""

    path: Path
    images: int
    size_bytes: int
    pixel_bytes: int
    form: str
    made_because: str  # empty: it was up to date

    def as_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        return {
            "path": str(self.path), "images": self.images, "size_bytes": self.size_bytes,
            "pixel_bytes": self.pixel_bytes, "form": self.form or "as decoded",
            "made_because": self.made_because,
        }  # fmt: skip


def pack(where: str, out: Path, form: PackedForm, *, progress: Progress | None = None) -> Packed:
    """Write what `where` names (see `open_dataset`) decoded to `out`, unless it is there.

    A file at `out` is kept if it was made from the same images, by their names, sizes, times,
    labels and classes, in the same form, and every byte of it is as it was written.

    Args:
        out: a file, or a folder that gets `NAME.packed`.

    Raises:
        UserError: if the data cannot be opened, or `out` not be written or is another file.
    """
    collection = collect(where, progress=progress)
    path = out / f"{collection.origin.name}{ENDING}" if out.is_dir() else out
    stamps = collection.stamps()
    source = collection.fingerprint(stamps)
    because = _why(path, source, form, progress)
    if because:
        check_writable(path)
        looks = look_at_all(collection, progress=progress)
        write_packed(path, collection, looks, form, source, progress=progress)
    header = read_header(path)
    return Packed(
        path=path, images=header.images, size_bytes=path.stat().st_size,
        pixel_bytes=header.pixel_bytes, form=header.form, made_because=because,
    )  # fmt: skip


def _why(path: Path, source: str, form: PackedForm, progress: Progress | None) -> str:
    """Why the file must be made; empty if it need not."""
    if not path.exists():
        return "there was none"
    if not has_magic(path):
        raise UserError(f"{str(path)!r} is another kind of file. Choose another place with --out.")
    try:
        header = read_header(path)
        if header.form != str(form):
            return f"it held {header.form or 'images as decoded'}"
        if header.source != source:
            return "the data changed"
        read_checked(path, header, progress=progress)
    except Damaged:
        return "it was damaged"
    except UserError:
        return "another version wrote it"
    return ""
