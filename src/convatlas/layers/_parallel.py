"""Branches side by side."""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Parallel(nn.Module):
    """Every branch reads the same input; their outputs are concatenated in the order given."""

    def __init__(self, branches: "OrderedDict[str, nn.Module]") -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """All branches' channels."""
        return torch.cat([branch(x) for branch in self.branches.values()], dim=1)
