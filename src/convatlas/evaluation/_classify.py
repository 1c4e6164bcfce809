"""The likeliest classes of image files, however many, one batch in memory at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from convatlas.data import Preprocessing, load_image, normalise
from convatlas.errors import UserError

Probabilities = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]  # [n,c,h,w] -> [n,k]
_BATCH_BYTES = 32 << 20  # of the normalised images that a net gets at once
_MOST_IMAGES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """A file's classes, the likeliest first, with their probabilities; or why it has none."""

    file: str
    classes: tuple[tuple[str, float], ...] = ()
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        answers = [{"class": name, "probability": share} for name, share in self.classes]
        return {"file": self.file, "classes": answers, "error": self.error}


def classify(
    probabilities: Probabilities,
    files: Iterable[str],
    *,
    classes: Sequence[str],
    preprocessing: Preprocessing,
    top: int = 1,
    threads: int = 1,
) -> Iterator[Classified]:
    """An answer for each of `files`, in order; `files` is read as far as answers are taken.

    Args:
        top: classes in an answer, at least 1.
        threads: that decode. At most two batches per thread are ahead.
    """
    side, channels = preprocessing.side, preprocessing.channels
    batch = max(1, min(_MOST_IMAGES, _BATCH_BYTES // (4 * channels * side * side)))
    for group in _ahead(lambda paths: _load(paths, preprocessing), iter(files), batch, threads):
        yield from _answers(group, probabilities, classes, preprocessing, top)


Loaded = tuple[str, npt.NDArray[np.uint8] | None, str | None]  # file, pixels, error


def _load(paths: Sequence[str], preprocessing: Preprocessing) -> list[Loaded]:
    found: list[Loaded] = []
    for path in paths:
        try:
            found.append((path, load_image(path, preprocessing), None))
        except UserError as error:
            found.append((path, None, str(error)))
    return found


def _ahead(
    work: Callable[[Sequence[str]], list[Loaded]], paths: Iterator[str], batch: int, threads: int
) -> Iterator[list[Loaded]]:
    """`work` of every `batch` of paths, in order, a little ahead of whoever takes the results."""
    waiting: deque[Future[list[Loaded]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="convatlas-decode")
    try:
        while True:
            while len(waiting) < 2 * threads and (group := list(islice(paths, batch))):
                waiting.append(pool.submit(work, group))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _answers(
    group: Sequence[Loaded],
    probabilities: Probabilities,
    classes: Sequence[str],
    preprocessing: Preprocessing,
    top: int,
) -> Iterator[Classified]:
    pixels = [image for _, image, _ in group if image is not None]
    rows: Iterator[npt.NDArray[np.float64]] = iter(())
    if pixels:
        rows = iter(probabilities(normalise(np.stack(pixels), preprocessing).numpy()))
    for file, image, error in group:
        if image is None:
            yield Classified(file=file, error=error)
            continue
        shares = next(rows)
        best = (-shares).argsort(kind="stable")[:top].tolist()
        yield Classified(file=file, classes=tuple((classes[i], float(shares[i])) for i in best))
