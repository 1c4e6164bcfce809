"""Two generations of a run's state in one file each, trusted only if their checksum holds."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from convatlas.errors import UserError
from convatlas.files import writing

NEWEST = "checkpoint.safetensors"
PREVIOUS = "checkpoint-previous.safetensors"
GOOD = "checkpoint-good.safetensors"  # at a fixed step, to roll back to
DAMAGED = "checkpoint-damaged.safetensors"
_FORMAT = 2
_KEY = "convatlas"
_LARGEST_HEADER = 8 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a run stands after `step` steps; the rest of its state are tensors."""

    step: int
    digest: str  # of net, recipe and data
    threads: int
    processes: int
    micro_batches: int
    rollbacks: int  # the learning rate was halved that often
    skipped: int  # steps that moved no weight
    log_offset: int
    loss_sum: float  # of the steps since the last line of the log
    loss_count: int
    seconds: float  # trained so far


class _Unusable(Exception):
    """A file that is not a whole checkpoint."""


def save_checkpoint(run: Path, position: Position, tensors: Mapping[str, Tensor]) -> None:
    """Write the newest checkpoint; the one before stays as the previous generation.

    At every moment at least one of the two files is whole.

    Raises:
        UserError: if the disk is full; the run stays as it was.
    """
    content = _packed(position, tensors)
    newest = run / NEWEST
    with writing(newest) as temporary:
        temporary.write_bytes(content)
        if newest.exists():
            newest.replace(run / PREVIOUS)


def save_good(run: Path, position: Position, tensors: Mapping[str, Tensor]) -> None:
    """Write the checkpoint that a run rolls back to.

    Raises:
        UserError: if the disk is full; the one before is kept.
    """
    content = _packed(position, tensors)
    with writing(run / GOOD) as temporary:
        temporary.write_bytes(content)


def load_good(run: Path) -> tuple[Position, dict[str, Tensor]] | None:
    """What `save_good` wrote; None if there is none that is whole."""
    try:
        return _read(run / GOOD)
    except _Unusable:
        return None


def _packed(position: Position, tensors: Mapping[str, Tensor]) -> bytes:
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    state = {"format": _FORMAT, **asdict(position)}
    state["sha256"] = _checksum(state, tensors)
    return save(tensors, metadata={_KEY: json.dumps(state)})


def load_checkpoint(run: Path) -> tuple[Position, dict[str, Tensor], tuple[str, ...]] | None:
    """The newest whole checkpoint with notes on what was wrong; None if none was ever written.

    Raises:
        UserError: if there are checkpoints but none is whole.
    """
    reasons = []
    for name in (NEWEST, PREVIOUS):
        if not (run / name).exists():
            continue
        try:
            position, tensors = _read(run / name)
        except _Unusable as error:
            reasons.append(f"{name} ({error})")
            continue
        if reasons:
            # Out of the way: it must not become the previous generation in place of this one.
            (run / NEWEST).replace(run / DAMAGED)
        found = f"went on from step {position.step} of {name}"
        return position, tensors, tuple(f"damaged: {r}; {found}" for r in reasons)
    if reasons:
        raise UserError(
            f"No checkpoint in {str(run)!r} can be used; damaged: {', '.join(reasons)}. "
            "Bring one back from a copy, or remove the folder to train from the start."
        )
    return None


def _read(path: Path) -> tuple[Position, dict[str, Tensor]]:
    try:
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
        if header > _LARGEST_HEADER:
            raise _Unusable(f"a header of {header:,} bytes")
        with safe_open(path, framework="pt") as file:
            state = json.loads((file.metadata() or {})[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no iteration over the file itself
        return _checked(state, tensors), tensors
    except (SafetensorError, OSError, LookupError, ValueError, TypeError, RuntimeError) as error:
        raise _Unusable(str(error) or type(error).__name__) from error


def _checked(state: dict[str, Any], tensors: Mapping[str, Tensor]) -> Position:
    claimed = state.pop("sha256")
    if claimed != _checksum(state, tensors):
        raise _Unusable("its checksum does not hold")
    if state.pop("format") != _FORMAT:
        raise _Unusable("written by another version of convatlas")
    return Position(**state)


def _checksum(state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the state and every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(json.dumps(state, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
