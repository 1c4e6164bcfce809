"""Reading the tensors of a checkpoint; nothing that stands in a file is ever run."""

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import torch
from safetensors import safe_open
from torch import Tensor

from convatlas.errors import UserError
from convatlas.foreign._short import short
from convatlas.foreign._unwrap import state_dict_in, without_prefix

MAX_FILE_BYTES = 4 << 30
MAX_HEADER_BYTES = 8 << 20  # of a safetensors header, and of a pickle without its tensors
MAX_TENSORS = 10_000
_PICKLE, _ZIP = b"\x80", b"PK\x03\x04"
_OTHER_FILE = "It is damaged or another file. Give the original."
_SAVE_AGAIN = (
    "Where the net was trained, save its tensors alone: torch.save(net.state_dict(), 'weights.pth')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state dict in a file, its wrappers taken off."""

    path: Path
    tensors: Mapping[str, Tensor]
    taken_from: str  # "state_dict", "model", ...; empty where the file is the state dict itself
    also_there: tuple[str, ...]  # other state dicts beside it

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}


def read_checkpoint(path: Path) -> Checkpoint:
    """The tensors in a safetensors file or in what `torch.save` wrote.

    Raises:
        UserError: naming the file, for one that is damaged, too large, or needs more than tensors.
    """
    try:
        content = _content(path)
    except OSError as error:
        raise UserError(f"Cannot read {str(path)!r}: {error.strerror or error}.") from error
    found = state_dict_in(content)
    if found is None:
        raise UserError(
            f"{str(path)!r} holds no state dict: no tensors by name, neither directly nor under "
            "'state_dict', 'model' or the like. Give a file with the weights of a net."
        )
    if len(found.tensors) > MAX_TENSORS:
        raise UserError(
            f"{str(path)!r} holds {len(found.tensors):,} tensors; {MAX_TENSORS:,} are allowed. "
            f"{_OTHER_FILE}"
        )
    for name, tensor in found.tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            raise UserError(
                f"{str(path)!r}: {short(name)} is no plain tensor but quantised, sparse or "
                "without values. Give the weights of the net as it was trained."
            )
    return Checkpoint(
        path=path,
        tensors=without_prefix(found.tensors),
        taken_from=found.key,
        also_there=found.others,
    )


def _content(path: Path) -> Any:
    if path.is_dir():
        raise UserError(
            f"{str(path)!r} is a directory; a checkpoint is one file. A .bundle needs no import."
        )
    if path.exists() and not path.is_file():
        raise UserError(f"{str(path)!r} is a pipe or a device. Give a file on disk.")
    with path.open("rb") as file:
        first, size = file.read(9), path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise UserError(
            f"{str(path)!r} has {size:,} bytes; {MAX_FILE_BYTES:,} are allowed. {_SAVE_AGAIN}."
        )
    if first.startswith(_ZIP):
        return _zip(path)
    if first[8:] == b"{":
        return _safetensors(path, int.from_bytes(first[:8], "little"), size)
    if first.startswith(_PICKLE):
        with _Head(path.open("rb", buffering=0)) as opened:
            return _loaded(path, opened, mmap=False)
    raise UserError(
        f"{str(path)!r} is neither a safetensors file nor written by torch.save. {_OTHER_FILE}"
    )


def _safetensors(path: Path, header: int, size: int) -> dict[str, Tensor]:
    if header > min(MAX_HEADER_BYTES, size):
        raise UserError(
            f"{str(path)!r} declares a header of {header:,} bytes; it has {size:,}, and "
            f"{MAX_HEADER_BYTES:,} are allowed. {_OTHER_FILE}"
        )
    try:
        with safe_open(path, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  no mapping
    except Exception as error:  # what a hostile header makes the parser raise is not documented
        raise UserError(
            f"{str(path)!r} is not safetensors: {short(str(error))}. {_OTHER_FILE}"
        ) from error


def _zip(path: Path) -> Any:
    """What `torch.save` writes since 2020; its entries are mapped, and stored as they are."""
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
    except (BadZipFile, ValueError, NotImplementedError, RuntimeError) as error:
        raise UserError(
            f"{str(path)!r} is not whole: {short(str(error))}. {_OTHER_FILE}"
        ) from error
    if any(entry.compress_type != ZIP_STORED for entry in entries):
        raise UserError(
            f"{str(path)!r} has compressed entries, which torch.save never writes. {_OTHER_FILE}"
        )
    described = max((e.file_size for e in entries if e.filename.endswith(".pkl")), default=0)
    if described > MAX_HEADER_BYTES:
        raise UserError(
            f"{str(path)!r} describes its tensors in {described:,} bytes; {MAX_HEADER_BYTES:,} "
            f"are allowed. {_SAVE_AGAIN}."
        )
    return _loaded(path, str(path), mmap=True)


class _Head(io.BufferedReader):
    """A file of `torch.save` before 2020: pickles, of limited size, before the tensors."""

    left = MAX_HEADER_BYTES

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, once the limit allows them."""
        self._spend(MAX_FILE_BYTES if size is None or size < 0 else size)
        return super().read(size)

    def readline(self, size: int | None = -1) -> bytes:
        """A line within the limit."""
        line = super().readline(self.left + 1)
        self._spend(len(line))
        return line

    def _spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise ValueError(f"its tensors are described in more than {MAX_HEADER_BYTES:,} bytes")


def _loaded(path: Path, source: Any, *, mmap: bool) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickle protocols: tried, or refused below
            return torch.load(source, map_location="cpu", weights_only=True, mmap=mmap)
    except Exception as error:  # what a hostile file makes the parser raise is not documented
        needed = re.search(r"GLOBAL ([\w.]+)", str(error))
        if needed:
            raise UserError(
                f"{str(path)!r} holds more than tensors: reading it would run "
                f"{short(needed[1])!r}, which a file must not. {_SAVE_AGAIN}."
            ) from error
        raise UserError(
            f"{str(path)!r} is not a checkpoint of tensors: {_reason(error)}. {_OTHER_FILE} "
            f"{_SAVE_AGAIN}."
        ) from error


def _reason(error: Exception) -> str:
    """The part of torch's message that tells of the file."""
    text = str(error).rpartition("WeightsUnpickler error: ")[2].strip() or type(error).__name__
    return short(text.splitlines()[0].rstrip("."))
