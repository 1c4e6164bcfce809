"""Response normalisation with its constants as papers print them."""

from torch import nn


def response_norm(
    size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
) -> nn.LocalResponseNorm:
    """`x / (k + alpha * s) ** beta`, s being the sum of the squares of `size` neighbouring maps.

    torch takes the squares' mean, so its alpha is `size` times the paper's.

    Source: Krizhevsky et al., NIPS 2012, Section 3.3.
    """
    return nn.LocalResponseNorm(size, alpha=size * alpha, beta=beta, k=k)
