"""Processes that train together, started as torchrun starts them."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **more}


@contextmanager
def together(module: str, arguments: Sequence[str], *, size: int = 2):
    """`size` processes of a module that know of each other; none outlives the block."""
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    sizes = {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
    processes = [
        _started(
            [sys.executable, "-W", "error", "-m", module, *arguments],
            {**meeting, **sizes, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(size)
    ]
    with _ended(processes):
        yield processes


@contextmanager
def torchrun(arguments: Sequence[str], options: Sequence[str] = ("--nproc-per-node", "2")):
    """torchrun with the command line."""
    command = [sys.executable, "-m", "torch.distributed.run", *options]
    process = _started([*command, "-m", "convatlas", *arguments], {})
    with _ended([process]):
        yield process


@contextmanager
def alone(arguments: Sequence[str]):
    """The command line in a process of its own."""
    process = _started([sys.executable, "-W", "error", "-m", "convatlas", *arguments], {})
    with _ended([process]):
        yield process


def _started(command: Sequence[str], more: Mapping[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**more),
        start_new_session=True,
    )


@contextmanager
def _ended(processes: Sequence[subprocess.Popen]):
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def outcome(process: subprocess.Popen, seconds: float = 200) -> tuple[int, str, str]:
    """Exit code, what it printed, and what it complained of."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err
