"""Work on many small things in threads, results in order, never more in flight than needed."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def in_chunks(
    work: Callable[[Sequence[Thing]], Result],
    things: Sequence[Thing],
    *,
    chunk: int,
    threads: int,
) -> Iterator[Result]:
    """`work` of each chunk of `things`, in order, at most two chunks per thread ahead."""
    starts = iter(range(0, len(things), chunk))
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="convatlas-data")
    try:
        while True:
            while len(waiting) < 2 * threads and (start := next(starts, None)) is not None:
                waiting.append(pool.submit(work, things[start : start + chunk]))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
