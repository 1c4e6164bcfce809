"""What ReLU destroys, by the width of the space that it works in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convatlas.analysis.design_rules._numbers import positive

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """A curve of the plane, put into `dimensions` by a random matrix, rectified, and put back.

    `recovered` [n, 2] is what the figure draws. `error` is the root mean square distance to the
    curve as a share of the curve's own root mean square; `collapsed` the share of points of which
    nothing is left.
    """

    dimensions: int
    curve: Points  # [n, 2]
    recovered: Points  # [n, 2]
    error: float
    collapsed: float


def relu_embeddings(
    dimensions: Sequence[int] = (2, 3, 5, 15, 30), *, points: int = 1000, seed: int = 0
) -> tuple[Embedding, ...]:
    """The low-dimensional manifold experiment: y = T^+ ReLU(T x), T of normal random numbers.

    In few dimensions much of the curve collapses; in many the rectified copy holds all of it, so a
    narrow layer should not have a non-linearity.

    Source: Sandler et al., CVPR 2018 (arXiv:1801.04381), Fig. 1.
    """
    positive(points=points)
    for wanted in dimensions:
        positive(dimensions=wanted)
    angle = np.linspace(0, 4 * np.pi, points)
    curve = (angle / angle[-1])[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return tuple(_embedding(curve, wanted, seed) for wanted in dimensions)


def _embedding(curve: Points, dimensions: int, seed: int) -> Embedding:
    matrix = np.random.default_rng((seed, dimensions)).standard_normal((dimensions, 2))
    rectified = np.maximum(curve @ matrix.T, 0)
    recovered = rectified @ np.linalg.pinv(matrix).T
    away = np.linalg.norm(curve, axis=1) > 0
    return Embedding(
        dimensions=dimensions,
        curve=curve,
        recovered=recovered,
        error=float(np.sqrt(((recovered - curve) ** 2).sum() / (curve**2).sum())),
        collapsed=float((rectified[away] == 0).all(axis=1).mean()),
    )
