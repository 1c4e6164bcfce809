"""Channels in another order, or some of them."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError


class SelectChannels(nn.Module):
    """Channel i of the output is channel `indices[i]` of the input.

    A permutation when every channel is named once; a channel may also be left out or repeated.
    `indices` is a buffer of whole numbers and belongs to the net's state.

    Args:
        in_channels: channels of the input; every index lies below.
    """

    indices: Tensor

    def __init__(self, indices: Sequence[int], *, in_channels: int) -> None:
        super().__init__()
        chosen = [int(i) for i in indices]
        if not chosen or not all(0 <= i < in_channels for i in chosen):
            raise UserError(
                f"indices={chosen[:8]!r}... cannot select from in_channels={in_channels}; "
                f"use numbers from 0 to {in_channels - 1}."
            )
        self.in_channels = in_channels
        self.out_channels = len(chosen)
        self.register_buffer("indices", torch.tensor(chosen, dtype=torch.int64))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """The chosen channels of `x`."""
        return x.index_select(1, self.indices)
