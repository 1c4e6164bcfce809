"""Scores on disk, in pieces that are whole or absent, so that a killed evaluation goes on.

A directory holds `run.json`, which says whose scores they are, and one file per piece: the
probabilities of `piece` images that follow one another. Images are always scored in these same
pieces, so neither a kill, nor the number of processes, nor their order can change a bit. A process
claims a piece by locking one byte of the file `claims`; the lock dies with the process.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from convatlas.errors import UserError
from convatlas.files import write_atomic, write_json, writing

_FORMAT = 1
_TAKING = 0  # byte of the claims locked while the directory is taken; pieces come behind it
_RUN, _CLAIMS, _JOINED = "run.json", "claims", "probabilities.npy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Whose scores they are; two runs that agree in all of it give the same numbers."""

    model: str
    weights: str  # fingerprint of the model's files
    data: str
    images: str  # fingerprint of the images and their labels
    protocol: str
    n: int  # images, unreadable ones included
    k: int  # classes
    piece: int  # images in a piece
    format: int = _FORMAT

    @property
    def fingerprint(self) -> str:
        """Of all fields."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


class Piece(NamedTuple):
    """Scores of images that follow one another, without the unreadable ones."""

    numbers: npt.NDArray[np.int64]  # [m], ascending
    probabilities: npt.NDArray[np.float32]  # [m, k]
    unreadable: tuple[tuple[int, str], ...] = ()  # number and reason


@dataclass(frozen=True, slots=True)
class Store:
    """The scores of one run in a directory that any number of processes may share."""

    directory: Path
    run: Run

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return -(-self.run.n // self.run.piece)

    def prepare(self) -> None:
        """Make the directory, or see that it holds this run.

        Raises:
            UserError: if it holds another one, naming what differs, or cannot be written.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with (self.directory / _CLAIMS).open("ab") as file:
                fcntl.lockf(file, fcntl.LOCK_EX, 1, _TAKING)
                self._take_or_check()
        except OSError as error:
            raise UserError(
                f"Cannot keep scores in {str(self.directory)!r}: {error.strerror}. "
                "Give another directory with --out."
            ) from error

    def _take_or_check(self) -> None:
        file = self.directory / _RUN
        wanted = asdict(self.run)
        try:
            there = json.loads(file.read_bytes())
        except FileNotFoundError:
            write_json(file, wanted)
            return
        except (ValueError, RecursionError):
            there = None
        if there != wanted:
            raise UserError(_refusal(self.directory, there, wanted))

    def path(self, number: int) -> Path:
        """The file of a piece."""
        return self.directory / f"{number:06d}-{self.run.fingerprint[:8]}.safetensors"

    def numbers(self, number: int) -> range:
        """The images of a piece."""
        start = number * self.run.piece
        return range(start, min(start + self.run.piece, self.run.n))

    def missing(self) -> list[int]:
        """The pieces that nobody has finished yet."""
        there = set(os.listdir(self.directory))
        return [number for number in range(self.pieces) if self.path(number).name not in there]

    @contextmanager
    def claimed(self, number: int) -> Iterator[bool]:
        """Whether this process alone is to score the piece now; False if another does or did."""
        with (self.directory / _CLAIMS).open("ab") as file:  # closing it lets go of the byte
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number + 1)
            except (BlockingIOError, PermissionError):
                yield False
                return
            yield not self.path(number).exists()

    def write(self, number: int, piece: Piece) -> None:
        """Keep a piece, whole or not at all.

        Raises:
            RuntimeError: if it does not hold every image of the piece exactly once.
        """
        _check_numbers(piece, self.numbers(number))
        arrays: dict[str, npt.NDArray[Any]] = {
            "numbers": piece.numbers,
            "probabilities": piece.probabilities,
        }
        about = json.dumps([self.run.fingerprint, _digest(piece), piece.unreadable])
        write_atomic(self.path(number), save(arrays, metadata={"about": about}))

    def read(self, number: int) -> Piece:
        """A piece that was written.

        Raises:
            UserError: if its file is damaged.
        """
        path = self.path(number)
        try:
            with safe_open(path, framework="numpy") as file:
                fingerprint, digest, unreadable = json.loads(file.metadata()["about"])
                piece = Piece(
                    file.get_tensor("numbers"),
                    file.get_tensor("probabilities"),
                    tuple((int(place), str(reason)) for place, reason in unreadable),
                )
            whole = fingerprint == self.run.fingerprint and digest == _digest(piece)
            _check_numbers(piece, self.numbers(number))
        except (OSError, SafetensorError, ValueError, LookupError, TypeError, RuntimeError):
            whole = False
        if not whole or piece.probabilities.shape != (len(piece.numbers), self.run.k):
            raise UserError(
                f"{str(path)!r} is damaged. Remove it and run the same command again: only its "
                f"{len(self.numbers(number))} images are scored anew."
            )
        return piece

    def joined(self) -> tuple[npt.NDArray[np.float32], dict[int, str]]:
        """All probabilities [readable, k], mapped from a file, and the reasons of the unreadable.

        Raises:
            UserError: if a piece is damaged.
        """
        unreadable: dict[int, str] = {}
        path = self.directory / _JOINED
        with writing(path) as temporary, temporary.open("wb") as file:
            start = _write_header(file, (self.run.n, self.run.k))
            for number in range(self.pieces):
                piece = self.read(number)
                unreadable.update(piece.unreadable)
                file.write(np.ascontiguousarray(piece.probabilities).data)
            shape = (self.run.n - len(unreadable), self.run.k)
            file.seek(0)
            if _write_header(file, shape) != start:
                raise RuntimeError("the header of the joined file changed its length")
        return np.load(path, mmap_mode="r", allow_pickle=False), unreadable


def _write_header(file: BinaryIO, shape: tuple[int, int]) -> int:
    """Numpy's header, whose length does not depend on the shape; the place behind it."""
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


def _digest(piece: Piece) -> str:
    digest = sha256(piece.numbers.astype("<i8").tobytes())
    digest.update(piece.probabilities.astype("<f4").tobytes())
    return digest.hexdigest()[:32]


def _check_numbers(piece: Piece, wanted: range) -> None:
    lost = [place for place, _ in piece.unreadable]
    if sorted([*piece.numbers.tolist(), *lost]) != list(wanted):
        raise RuntimeError(f"images {wanted} were not scored exactly once each")


def _refusal(directory: Path, there: object, wanted: Mapping[str, object]) -> str:
    if not isinstance(there, dict):
        return (
            f"{str(directory / _RUN)!r} does not say whose scores they are. "
            "Give another directory with --out."
        )
    differ = [name for name in wanted if there.get(name) != wanted[name]]
    told = "; ".join(f"{name} {there.get(name)!r}, now {wanted[name]!r}" for name in differ)
    return (
        f"{str(directory)!r} holds the scores of another evaluation: {told}. "
        "Give another directory with --out."
    )
