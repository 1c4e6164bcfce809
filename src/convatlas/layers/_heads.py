"""Auxiliary classifiers between the stages of a net."""

from jaxtyping import Float
from torch import Tensor, nn


def through_heads(
    stages: nn.Sequential, heads: nn.ModuleDict, x: Float[Tensor, "n c h w"]
) -> tuple[Float[Tensor, "n c2 h2 w2"], list[Float[Tensor, "n k"]]]:
    """What `stages` make of `x`, and the logits of the heads on the way, in their order.

    Args:
        heads: each under the name of the stage whose output it reads.
    """
    logits = []
    for name, stage in stages.named_children():
        x = stage(x)
        if name in heads:
            logits.append(heads[name](x))
    return x, logits
