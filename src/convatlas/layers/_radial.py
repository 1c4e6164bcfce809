"""Output units that measure a distance."""

from jaxtyping import Float
from torch import Tensor, nn


class RadialBasis(nn.Module):
    """Minus the squared Euclidean distance to each of `centres`, which are fixed.

    The nearest centre gets the largest value, so the result serves as logits.

    Source: LeCun et al., Proc. IEEE 86(11), 1998, Eq. 7.
    """

    centres: Tensor

    def __init__(self, centres: Float[Tensor, "k d"]) -> None:
        super().__init__()
        self.register_buffer("centres", centres)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """One value per centre."""
        return -(x.unsqueeze(1) - self.centres).square().sum(2)
