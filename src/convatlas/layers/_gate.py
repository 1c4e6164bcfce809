"""Gates: how much of each element passes."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn


class Gate(nn.Module):
    """sigma(W x + b), where W is a convolution or a linear layer with a bias."""

    def __init__(self, weights: nn.Conv2d | nn.Linear) -> None:
        super().__init__()
        self.weights = weights
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """Between 0 and 1 for every element of what it gates."""
        return self.sigmoid(self.weights(x))


def gate_bias(value: float) -> Callable[[nn.Module], None]:
    """For `network.apply(...)`: every gate's b starts from `value`, the rest stays as it is."""

    def initialise(module: nn.Module) -> None:
        if isinstance(module, Gate) and module.weights.bias is not None:
            nn.init.constant_(module.weights.bias, value)

    return initialise
