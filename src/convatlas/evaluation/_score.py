"""Scoring images by a protocol: each decoded once, its views computed in batches across images."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from convatlas.data import ImageSource, Progress, Undecodable, Unreadable, in_chunks, normalise
from convatlas.errors import UserError
from convatlas.evaluation import protocols
from convatlas.evaluation._scored import Scored
from convatlas.evaluation._scoring_model import ScoringModel
from convatlas.evaluation._tally import Tally
from convatlas.evaluation._views import Plan, View, plan

_MOST_WAITING_BYTES = 128 << 20  # of views that wait for others of their size
Array = npt.NDArray[np.uint8]


class Pictures(Protocol):
    """Images by number, with names for people."""

    @property
    def source(self) -> ImageSource:
        """Where the pictures come from; one that cannot be read raises `Undecodable`."""

    @property
    def names(self) -> Sequence[str]:
        """A name for each."""


class LabelledPictures(Pictures, Protocol):
    """Images whose classes are known, numbered as a model numbers them."""

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """A class for each."""


class Scores(NamedTuple):
    """Probabilities of images, the unreadable ones told apart."""

    numbers: npt.NDArray[np.int64]  # [m], ascending
    probabilities: npt.NDArray[np.float32]  # [m, k], rows sum to 1
    unreadable: tuple[tuple[int, str], ...]  # number and reason


def score(
    model: ScoringModel,
    images: Pictures,
    protocol: protocols.Protocol,
    numbers: Sequence[int],
    *,
    batch: int = 64,
    threads: int = 1,
    told: Callable[[int], None] | None = None,
) -> Scores:
    """The probabilities that `model` gives the images `numbers`, by `protocol`.

    The same call gives the same bits, so parts of a set can be scored anywhere and in any order.

    Args:
        batch: views of the net's own size that are computed together; fewer of larger ones.
        threads: that decode and cut, beside the one that computes.
        told: hears that so many more images are decoded.

    Raises:
        UserError: if the protocol does not fit the model, or an output is not finite.
    """
    planned = plan(protocol, model)
    tally = Tally(len(numbers), len(model.classes), planned.uses)
    queue = _Queue(model, planned, tally, [images.names[i] for i in numbers], batch)
    unreadable: list[tuple[int, str]] = []

    def views(some: Sequence[int]) -> list[View] | Undecodable:
        try:
            return planned.views(images.source.picture(some[0]))
        except Undecodable as error:
            return error

    for place, seen in enumerate(in_chunks(views, numbers, chunk=1, threads=threads)):
        if isinstance(seen, Undecodable):
            unreadable.append((numbers[place], str(seen)))
        else:
            queue.add(place, seen)
        if told is not None:
            told(1)
    queue.finish()
    lost = {number for number, _ in unreadable}
    kept = [place for place, number in enumerate(numbers) if number not in lost]
    return Scores(
        np.array([numbers[place] for place in kept], np.int64),
        tally.probabilities(kept),
        tuple(unreadable),
    )


def score_all(
    model: ScoringModel,
    images: LabelledPictures,
    protocol: protocols.Protocol,
    *,
    batch: int = 64,
    threads: int = 1,
    progress: Progress | None = None,
) -> Scored:
    """All images, scored in memory: for sets whose probabilities fit there.

    Raises:
        UserError: as `score`, or if a label is outside the model's classes.
    """
    n, done = len(images.names), 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress("scoring images", done, n)

    _check_labels(images, model)
    found = score(model, images, protocol, range(n), batch=batch, threads=threads, told=told)
    return Scored(
        probabilities=found.probabilities,
        truth=np.asarray(images.labels)[found.numbers],
        names=[images.names[i] for i in found.numbers],
        classes=model.classes,
        protocol=model.recorded(plan(protocol, model).protocol),
        model=model.name,
        unreadable=tuple(Unreadable(images.names[i], reason) for i, reason in found.unreadable),
    )


class _Queue:
    """Views that wait until there are enough of their size for one call of the net."""

    def __init__(
        self, model: ScoringModel, planned: Plan, tally: Tally, names: Sequence[str], batch: int
    ) -> None:
        self._model, self._uses, self._tally = model, planned.uses, tally
        self._names, self._batch = names, batch
        self._waiting: dict[tuple[int, int, str], list[tuple[int, View]]] = {}
        self._bytes = 0

    def add(self, place: int, views: Sequence[View]) -> None:
        for view in views:
            height, width, _ = view.pixels.shape
            key = (height, width, self._uses[view.leaf].leaf.reduces)
            bucket = self._waiting.setdefault(key, [])
            bucket.append((place, view))
            self._bytes += view.pixels.nbytes
            if len(bucket) == self._at_once(height, width):
                self._compute(key)
        if self._bytes > _MOST_WAITING_BYTES:
            self.finish()

    def finish(self) -> None:
        for key in list(self._waiting):
            self._compute(key)

    def _at_once(self, height: int, width: int) -> int:
        return max(1, self._batch * self._model.preprocessing.side**2 // (height * width))

    def _compute(self, key: tuple[int, int, str]) -> None:
        rows = self._waiting.pop(key)
        self._bytes -= sum(view.pixels.nbytes for _, view in rows)
        pixels = np.stack([view.pixels for _, view in rows])
        places = [place for place, _ in rows]
        logits = self._logits(normalise(pixels, self._model.preprocessing).numpy(), key[2])
        self._check(logits, places)
        self._tally.add(places, [view.leaf for _, view in rows], logits)

    def _logits(self, batch: npt.NDArray[np.float32], reduces: str) -> npt.NDArray[np.float64]:
        model, (_, _, height, width) = self._model, batch.shape
        if reduces:
            if model.class_map is None:
                raise RuntimeError("a plan was made for a model that has no class map")
            maps = model.class_map(batch).astype(np.float64)
            return maps.mean(axis=(2, 3)) if reduces == "mean" else maps.max(axis=(2, 3))
        try:
            return model.predict(batch).astype(np.float64)
        except RuntimeError as error:
            if height == width == model.preprocessing.side:
                raise
            raise UserError(
                f"{model.name!r} was made for {model.preprocessing.side} x "
                f"{model.preprocessing.side} and cannot take crops of {height} x {width}; its "
                "fully connected layers have one size. Leave crop out, or use dense."
            ) from error

    def _check(self, logits: npt.NDArray[np.float64], places: Sequence[int]) -> None:
        wanted = (len(places), len(self._model.classes))
        if logits.shape != wanted:
            raise UserError(
                f"{self._model.name!r} gives outputs of shape {logits.shape} for {wanted[0]} "
                f"inputs and {wanted[1]} classes. Use the file that was exported with its classes."
            )
        broken = ~np.isfinite(logits).all(axis=1)
        if broken.any():
            name = self._names[places[int(broken.argmax())]]
            raise UserError(
                f"The outputs of {self._model.name!r} for image {name!r} are not finite. "
                "Its training went wrong; train again with a lower learning rate."
            )


def _check_labels(images: LabelledPictures, model: ScoringModel) -> None:
    outside = (images.labels < 0) | (images.labels >= len(model.classes))
    if outside.any():
        first = int(outside.argmax())
        raise UserError(
            f"Image {images.names[first]!r} has label {images.labels[first]}, but there are "
            f"{len(model.classes)} classes. Evaluate on the data set that the net was trained for."
        )
