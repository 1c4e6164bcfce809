"""Interleaved structured sparse convolution: how many sparse layers, and how sparse each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, prod

import numpy as np

from convatlas.analysis.design_rules._numbers import positive
from convatlas.errors import UserError
from convatlas.layers import check_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseBlock:
    """A spatial convolution of `branches[0]` channels per group, then a 1x1 for each further one.

    It meets the complementary condition: the branches multiply to all channels.
    """

    branches: tuple[int, ...]  # K_1 .. K_L
    kernel_size: int

    @property
    def channels(self) -> int:
        """C, in and out."""
        return prod(self.branches)

    @property
    def weights(self) -> int:
        """C (S K_1 + K_2 + ... + K_L), S = k^2."""
        spatial, *pointwise = self.branches
        return self.channels * (self.kernel_size**2 * spatial + sum(pointwise))

    @property
    def bound(self) -> float:
        """Least weights of L layers, C L (S C)^(1/L).

        Reached where all terms of `weights` are equal: the balance condition.
        """
        layers = len(self.branches)
        return self.channels * layers * (self.kernel_size**2 * self.channels) ** (1 / layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What a product of sparse layers connects.

    `non_sparsity`: share of the composed kernel that is not zero. `fewest_paths` and `most_paths`
    lead from an input to an output; both are 1 where the complementary condition is met.
    """

    non_sparsity: float
    fewest_paths: int
    most_paths: int


def sparse_block(channels: int, *, layers: int | None = None, kernel_size: int = 3) -> SparseBlock:
    """The complementary block of fewest weights: the one nearest to balance.

    Args:
        layers: L, the spatial one counted; None takes the number that needs fewest weights (the
            least of several), which lies near `ideal_layers`.

    Raises:
        UserError: if `channels` have too few divisors for `layers`.

    Source: Xie et al., CVPR 2018 (arXiv:1804.06202), Sec. 3.
    """
    positive(channels=channels, kernel_size=kernel_size)
    blocks = [
        SparseBlock(branches=(spatial, *pointwise), kernel_size=kernel_size)
        for spatial in _divisors(channels)
        for pointwise in _factorings(channels // spatial)
    ]
    if layers is not None:
        positive(layers=layers)
        most = max(len(block.branches) for block in blocks)
        blocks = [block for block in blocks if len(block.branches) == layers]
        if not blocks:
            raise UserError(
                f"layers={layers} does not fit channels={channels}: no so many factors multiply "
                f"to it. Use {most} or less."
            )
    return min(blocks, key=lambda block: (block.weights, len(block.branches), block.branches))


def ideal_layers(channels: int, *, kernel_size: int = 3) -> float:
    """L = ln(S C), where the bound on the weights is least if L need not be a whole number."""
    positive(channels=channels, kernel_size=kernel_size)
    return log(kernel_size**2 * channels)


def check_complementary(channels: int, branches: Sequence[int]) -> None:
    """Nothing, when `branches` (K_1 .. K_L) multiply to `channels`.

    Raises:
        UserError: naming the product, and branches that meet the condition.
    """
    positive(channels=channels)
    for branch in branches:
        positive(branches=branch)
    if prod(branches) != channels or not branches:
        fitting = sparse_block(channels).branches
        raise UserError(
            f"branches={tuple(branches)!r} multiply to {prod(branches)}, not to "
            f"channels={channels}. Use {fitting!r}."
        )


def composition(channels: int, branches: Sequence[int]) -> Composition:
    """Paths through convolutions of `branches` channels per group, permuted as our blocks do.

    Behind a layer of K channels per group, channel j of group i becomes channel i of group j.

    Raises:
        UserError: for a branch that does not divide the channels.
    """
    positive(channels=channels)
    paths = np.eye(channels, dtype=np.int64)
    for branch in branches:
        check_groups(branch, channels=channels, name="branches")
        sums = paths.reshape(channels // branch, branch, channels).sum(axis=1)
        paths = np.tile(sums, (branch, 1))  # every output of a group, already permuted
    return Composition(
        non_sparsity=float((paths > 0).mean()),
        fewest_paths=int(paths.min()),
        most_paths=int(paths.max()),
    )


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def _factorings(number: int, least: int = 2) -> Iterator[tuple[int, ...]]:
    """All rising tuples of factors from `least` that multiply to `number`; () for 1."""
    if number == 1:
        yield ()
    for factor in _divisors(number):
        if factor >= least:
            for rest in _factorings(number // factor, factor):
                yield (factor, *rest)
