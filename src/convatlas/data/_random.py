"""Random numbers that are a function of where they are used, not of how often one has asked.

Source: Steele, Lea, Flood, Fast splittable pseudorandom number generators (OOPSLA 2014), the
finaliser of SplitMix64.
"""

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_WORD = (1 << 64) - 1
Words = npt.NDArray[np.uint64]


def mixed(words: Words) -> Words:
    """A well mixed one-to-one function of each 64-bit word."""
    z = words + _GOLDEN  # wraps around, as meant
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _mixed_one(word: int) -> int:
    """The same of one word; arrays of one element would take ten times as long."""
    z = (word + int(_GOLDEN)) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    return z ^ (z >> 31)


def words(indices: npt.NDArray[np.int64], *, seed: int, epoch: int, stream: int) -> Words:
    """64 random bits per index; they depend on (seed, epoch, stream, index) and nothing else."""
    key = 0
    for part in (seed, epoch, stream):
        key = _mixed_one(key ^ (part & _WORD))
    return mixed(np.uint64(key) ^ mixed(np.asarray(indices).astype(np.uint64)))


def uniform(words: Words) -> npt.NDArray[np.float64]:
    """The words as numbers in [0, 1), 53 bits each."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def order(n: int, *, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The order in which an epoch visits n images: a permutation that (n, seed, epoch) decide."""
    ranks = words(np.arange(n, dtype=np.int64), seed=seed, epoch=epoch, stream=-1)
    return np.argsort(ranks, kind="stable").astype(np.int64, copy=False)
