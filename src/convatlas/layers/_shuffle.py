"""The channel shuffle, on its own and in one step with the joining before it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ChannelShuffle(nn.Module):
    """Channel j of group i becomes channel i of group j: reshape (g, c/g), transpose, flatten.

    One copy, in the memory order that `x` has.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """`x` with its channels permuted."""
        n, c, h, w = x.shape
        if x.is_contiguous(memory_format=torch.channels_last):
            pixels = x.permute(0, 2, 3, 1).view(n, h, w, self.groups, c // self.groups)
            return pixels.transpose(3, 4).reshape(n, h, w, c).permute(0, 3, 1, 2)
        return x.view(n, self.groups, c // self.groups, h, w).transpose(1, 2).reshape(n, c, h, w)


class JoinShuffle(nn.Module):
    """Two halves joined and shuffled in one copy: their channels in turn.

    Equals `ChannelShuffle(2)` of the concatenation, which takes two copies.
    """

    def forward(
        self, first: Float[Tensor, "n c h w"], second: Float[Tensor, "n c h w"]
    ) -> Float[Tensor, "n c2 h w"]:
        """Channel 0 of `first`, 0 of `second`, 1 of `first`, ..."""
        n, c, h, w = second.shape
        if second.is_contiguous(memory_format=torch.channels_last):
            pixels = [x.permute(0, 2, 3, 1) for x in (first, second)]
            return torch.stack(pixels, dim=4).view(n, h, w, 2 * c).permute(0, 3, 1, 2)
        return torch.stack([first, second], dim=2).view(n, 2 * c, h, w)
