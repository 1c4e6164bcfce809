"""The loss of output units that measure a distance."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def map_loss(
    logits: Float[Tensor, "n k"], labels: Int[Tensor, " n"], *, j: float
) -> Float[Tensor, ""]:
    """Mean over images of `y_label + log(exp(-j) + sum_i exp(-y_i))`, y being minus the logits.

    It pulls the right class's penalty y down and pushes the others' up, as a maximum a posteriori
    criterion with a constant class of rubbish does.

    Args:
        j: above 0; penalties well above it are pushed no further. Their paper prints no value.

    Source: LeCun et al., Proc. IEEE 86(11), 1998, Eq. 9.
    """
    penalty = -logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    rubbish = logits.new_full((len(logits), 1), -j)
    competing = torch.cat([logits, rubbish], dim=1).logsumexp(dim=1)
    return (penalty + competing).mean()
