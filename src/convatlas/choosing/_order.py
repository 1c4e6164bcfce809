"""Which candidates are tried first, and which go on: every family has its turn."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import TypeVar

from convatlas.choosing._candidates import Candidate

T = TypeVar("T")

# A training step of one image takes about this many times as long on two cores as classifying one
# on one core: forward and backward, without the runtime's fused kernels. Only orders candidates.
_TRAINING_PER_LATENCY = 6.0
_LEAST_STEPS = 30


def in_turns(items: Iterable[T], family: Callable[[T], str]) -> Iterator[T]:
    """The first of every family, then the second of every family, each in the given order."""
    queues: dict[str, list[T]] = {}
    for item in items:
        queues.setdefault(family(item), []).append(item)
    while queues:
        for name in list(queues):
            yield queues[name].pop(0)
            if not queues[name]:
                del queues[name]


def leave_untimed(candidates: list[Candidate], *, most: int) -> None:
    """Drop all but `most` of the listed candidates when there is no time to time more.

    Families take turns; within one, those that start from trained weights come first, and an
    arbitrary but fixed order lets any number of the others cover its range of costs.
    """
    listed = [c for c in candidates if c.state == "listed"]
    mixed = sorted(listed, key=lambda c: (c.start is None, sha256(c.id.encode()).digest()))
    for candidate in list(in_turns(mixed, lambda c: c.family))[most:]:
        candidate.drop("not tried", f"the time allows timing {most} of {len(listed)} candidates")


def to_try(
    fitting: list[Candidate], *, seconds: float, batch_size: int, cores: int
) -> list[Candidate]:
    """`fitting` in the order in which to try them.

    First those that start from trained weights. Then those that can do a fair number of steps in
    the `seconds` of the first round: families in turn, each with its dearest net first, since a
    dearer net of one family is the more accurate one if it can be trained. Then the others,
    quickest first.
    """

    def training_s(candidate: Candidate) -> float:
        latency: float = candidate.latency["median_s"] if candidate.latency else 0.0
        return _TRAINING_PER_LATENCY * latency * (2 / cores) * batch_size * _LEAST_STEPS

    dearest = sorted(fitting, key=lambda c: (-c.mult_adds, c.id))
    trainable = [c for c in dearest if training_s(c) <= seconds]
    others = [c for c in dearest if training_s(c) > seconds]
    ordered = [*in_turns(trainable, lambda c: c.family), *sorted(others, key=training_s)]
    return sorted(ordered, key=lambda c: c.start is None)
