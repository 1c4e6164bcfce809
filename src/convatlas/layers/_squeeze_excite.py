"""Squeeze and excitation: channels weighted by what the whole image holds."""

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError


class SqueezeExcite(nn.Module):
    """`x` times a gate per channel: global average, reduce, activation, expand, sigmoid.

    The two linear layers are 1x1 convolutions.

    Args:
        hidden: channels between them, C / r.
        activation: after the first; ReLU when None.
        bias: whether the linear layers have one.
        squeezed: False leaves the average out, so that every pixel has its own gates.

    Source: Hu et al., CVPR 2018 (arXiv:1709.01507), Sec. 3.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        *,
        activation: nn.Module | None = None,
        bias: bool = True,
        squeezed: bool = True,
    ) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1) if squeezed else nn.Identity()
        self.reduce = nn.Conv2d(channels, hidden, 1, bias=bias)
        self.activation = activation if activation is not None else nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(hidden, channels, 1, bias=bias)
        self.gate = nn.Sigmoid()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """`x` with its channels weighted."""
        excitation = self.expand(self.activation(self.reduce(self.squeeze(x))))
        return x * self.gate(excitation)


def squeeze_excite(channels: int, reduction: int | None) -> nn.Module:
    """`SqueezeExcite` with `channels` / `reduction` inside; without a reduction nothing at all.

    Raises:
        UserError: for a reduction below 1.
    """
    if reduction is None:
        return nn.Identity()
    if type(reduction) is not int or reduction < 1:
        raise UserError(f"se_reduction={reduction!r}. Use 1 or more, or None for no gates.")
    return SqueezeExcite(channels, max(1, channels // reduction))
