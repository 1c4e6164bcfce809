"""Scorers for tests, as other processes can be given them."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convatlas.errors import UserError
from convatlas.evaluation._store import Piece, Run

K = 3


def run_of(n=50, piece=4, **changes):
    fields = {"model": "net", "weights": "w", "data": "photos", "images": "i"}
    return Run(**{"n": n, "k": K, "piece": piece, "protocol": "single_crop()", **fields, **changes})


@dataclass(frozen=True)
class Counted:
    """Probabilities that follow from the image's number; every scored image is written down."""

    log: Path
    seconds: float = 0.0  # per image
    unreadable: tuple[int, ...] = ()
    refuse: int | None = None

    def __call__(self):
        return self.score

    def score(self, numbers, told):
        for number in numbers:
            time.sleep(self.seconds)
            if number == self.refuse:
                raise UserError(f"image {number} cannot be scored")
            told(1)
        with self.log.open("ab") as file:
            file.write(b"".join(b"%d %d\n" % (os.getpid(), number) for number in numbers))
        read = np.array([i for i in numbers if i not in self.unreadable], np.int64)
        lost = tuple((i, f"broken {i}") for i in numbers if i in self.unreadable)
        return Piece(read, expected(read), lost)


def expected(numbers):
    rows = np.random.default_rng(0).random((10_000, K), np.float32)[numbers]
    return rows / rows.sum(axis=1, keepdims=True)


def scored(log):
    """(process, image) of every line."""
    return [tuple(map(int, line.split())) for line in log.read_text().splitlines()]
