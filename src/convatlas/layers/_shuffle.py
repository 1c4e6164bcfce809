"""The channel shuffle."""

from jaxtyping import Float
from torch import Tensor, nn


class ChannelShuffle(nn.Module):
    """Channel j of group i becomes channel i of group j: reshape (g, c/g), transpose, flatten."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """`x` with its channels permuted."""
        n, c, h, w = x.shape
        return x.view(n, self.groups, c // self.groups, h, w).transpose(1, 2).reshape(n, c, h, w)
