"""The processes of a run: alone, or many under torchrun that share every batch.

Only the leader (rank 0) reads and writes the run's folder; what it reads the others are sent.
"""

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from convatlas.errors import UserError
from convatlas.training._ledger import Ledger

_WAIT = timedelta(minutes=10)  # for the slowest process at one exchange


@dataclass(frozen=True, slots=True)
class World:
    """This process's place among those of the run."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # among those of this machine
    local_size: int = 1  # processes of this machine
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    ledger: Ledger | None = None  # where processes meet before they exchange tensors

    @property
    def leader(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1

    def summed(self, *values: float) -> tuple[float, ...]:
        """Each value's sum over all processes; every process must ask."""
        if self.alone:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return tuple(total.tolist())

    def send(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the leader's values of `tensors`, in place."""
        if not self.alone:
            for tensor in tensors:
                there = tensor.to(self.device)
                whole = there if there.is_contiguous() else there.contiguous()
                dist.broadcast(whole, src=0)
                if whole is not tensor:
                    tensor.copy_(whole)

    def sent(self, value: Any) -> Any:
        """The leader's `value`, a small one, in every process."""
        if self.alone:
            return value
        box = [value if self.leader else None]
        dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def sent_tensors(self, tensors: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        """The leader's `tensors` by their names, in every process; others give None."""
        if self.alone:
            return dict(tensors or {})
        kinds = {name: (t.shape, t.dtype) for name, t in (tensors or {}).items()}
        found = {}
        for name, (shape, dtype) in self.sent(kinds).items():
            tensor = tensors[name] if tensors else torch.empty(shape, dtype=dtype)
            self.send([tensor])
            found[name] = tensor
        return found

    def gathered(self, value: Any) -> list[Any]:
        """Every process's `value`, a small one, by rank; every process must ask."""
        if self.alone:
            return [value]
        found = [None] * self.size
        dist.all_gather_object(found, value)
        return found

    @contextmanager
    def in_turn(self, what: str) -> Iterator[None]:
        """Let the first process of each machine do `what` before the others, however long it takes.

        All go on when all have done it.
        """
        if self.ledger is None:
            yield
            return
        machine = f"{what}/{self.rank - self.local_rank}"
        if self.local_rank:
            self.ledger.wait_for(machine, 1)
        yield
        self.ledger.count(machine)
        self.ledger.count(what)
        self.ledger.wait_for(what, self.size)


@contextmanager
def joined() -> Iterator[World]:
    """The world that torchrun says this process belongs to; alone without torchrun.

    Processes on CUDA devices use one each and nccl, others gloo. When one of them fails the others
    end too: the first to fail raises its error, those that only miss it leave without a word.

    Raises:
        UserError: for variables of torchrun that make no sense; or if another process is gone.
        SystemExit: with code 2, where another process has said why the run ends.
    """
    size, local_size = _variable("WORLD_SIZE", 1), _variable("LOCAL_WORLD_SIZE", 1)
    rank, local_rank = _variable("RANK", 0), _variable("LOCAL_RANK", 0)
    if not (0 <= rank < size and 0 <= local_rank < local_size <= size):
        raise UserError(
            f"RANK={rank}, WORLD_SIZE={size}, LOCAL_RANK={local_rank} and "
            f"LOCAL_WORLD_SIZE={local_size} do not fit. Let torchrun set them."
        )
    device = _device(local_rank)
    if size == 1:
        yield World(device=device)
        return
    whole, _, _ = next(rendezvous("env://", timeout=_WAIT))
    # torchrun keeps its store when it starts processes again: what those before noted is not ours.
    store = PrefixStore(f"start {_variable('TORCHELASTIC_RESTART_COUNT', 0)}", whole)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(
        backend,
        store=PrefixStore("exchange", store),
        rank=rank,
        world_size=size,
        timeout=_WAIT,
    )
    ledger = Ledger(PrefixStore("ledger", store))
    try:
        with ledger.explained(), warnings.catch_warnings():
            # Filters of 1x1 have two names for one order in memory; torch takes them for two.
            warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
            yield World(rank, size, local_rank, local_size, device, ledger)
    finally:
        dist.destroy_process_group()


def _device(local_rank: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", local_rank % torch.cuda.device_count())
    torch.cuda.set_device(device)
    return device


def _variable(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise UserError(f"{name}={text!r} is not a number. Let torchrun set it.") from error
