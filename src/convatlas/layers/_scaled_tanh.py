"""The squashing function of the early convolutional nets."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ScaledTanh(nn.Module):
    """`amplitude * tanh(slope * x)`; the defaults give f(1) = 1 and f(-1) = -1.

    Source: LeCun et al., Proc. IEEE 86(11), 1998, Appendix A.
    """

    def __init__(self, amplitude: float = 1.7159, slope: float = 2 / 3) -> None:
        super().__init__()
        self.amplitude = amplitude
        self.slope = slope

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """`x` squashed into (-amplitude, amplitude)."""
        return self.amplitude * torch.tanh(self.slope * x)
