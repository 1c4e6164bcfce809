"""Filling a store with scores: in this process, or in several that share the images."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from ctypes import c_int64
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import RawArray
from typing import Any

from convatlas.data import Progress
from convatlas.errors import UserError
from convatlas.evaluation._store import Piece, Store

_PHASE = "scoring images"
_POLL_S = 0.2
Told = Callable[[int], None]  # so many more images are done
Scorer = Callable[[range, Told], Piece]
Opener = Callable[[], Scorer]  # goes to other processes, so a function of a module or a dataclass


def fill(
    store: Store, opener: Opener, *, processes: int = 1, progress: Progress | None = None
) -> None:
    """Score every piece that is missing; each is claimed by one process of one machine.

    A piece that another machine holds is waited for, and taken over once its holder is gone.

    Args:
        opener: opens the model; called in each process that scores, and never if none is missing.

    Raises:
        UserError: the first that a process met.
    """
    missing = store.missing()
    n = store.run.n
    before = n - sum(len(store.numbers(number)) for number in missing)
    if progress is not None and before:
        progress(_PHASE, before, n)
    processes = min(processes, len(missing))
    counter = _Counter(before, n, progress)
    if processes > 1:
        _in_processes(store, opener, processes, counter)
    if store.missing():  # all of them, or what a process that was killed has left
        _work(store, opener(), counter.add, wait=True)
    if progress is not None:
        progress(_PHASE, n, n)


class _Counter:
    """Images done, told on."""

    def __init__(self, done: int, n: int, progress: Progress | None) -> None:
        self._done, self._n, self._progress = done, n, progress

    def add(self, more: int) -> None:
        self._done += more
        if self._progress is not None and more:
            self._progress(_PHASE, min(self._done, self._n - 1), self._n)


def _work(store: Store, score: Scorer, told: Told, *, wait: bool) -> None:
    while missing := store.missing():
        progressed = False
        for number in missing:
            with store.claimed(number) as mine:
                if mine:
                    store.write(number, score(store.numbers(number), told))
                    progressed = True
        if not progressed:
            if not wait:
                return
            time.sleep(_POLL_S)


def _in_processes(store: Store, opener: Opener, processes: int, counter: _Counter) -> None:
    context = get_context("spawn")  # a fork would copy torch's threads in whatever state they are
    done = RawArray(c_int64, processes)
    workers: list[tuple[SpawnProcess, connection.Connection]] = []
    try:
        for place in range(processes):
            receiver, sender = context.Pipe(duplex=False)
            arguments = (store, opener, done, place, sender)
            worker = context.Process(target=_serve, args=arguments, daemon=True)
            worker.start()
            sender.close()
            workers.append((worker, receiver))
        _watch(workers, done, counter)
    finally:
        for worker, _ in workers:
            worker.kill()
            worker.join()


def _watch(
    workers: Sequence[tuple[SpawnProcess, connection.Connection]], done: Any, counter: _Counter
) -> None:
    """Tell progress until all have ended; a worker's error ends the others."""
    told = 0
    while True:
        running = any(worker.is_alive() for worker, _ in workers)
        for worker, receiver in workers:
            _raise_error(worker, receiver)
        now = sum(done)
        counter.add(now - told)
        told = now
        if not running:
            return
        connection.wait([worker.sentinel for worker, _ in workers if worker.is_alive()], _POLL_S)


def _raise_error(worker: SpawnProcess, receiver: connection.Connection) -> None:
    if not receiver.closed and receiver.poll():
        try:
            told = receiver.recv_bytes().decode()
        except EOFError:  # it ended without an error to tell
            receiver.close()
        else:
            raise UserError(told)
    if worker.exitcode is not None and worker.exitcode > 0:
        raise RuntimeError(
            f"process {worker.pid} failed with exit code {worker.exitcode}; its error is above"
        )


def _serve(
    store: Store, opener: Opener, done: Any, place: int, sender: connection.Connection
) -> None:
    """One process: score what is free, tell the first error, end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def told(more: int) -> None:
        done[place] += more

    try:
        _work(store, opener(), told, wait=False)
    except UserError as error:
        with suppress(OSError):
            sender.send_bytes(str(error).encode())


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
