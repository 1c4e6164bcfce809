"""Group convolution whose groups are learned."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.errors import UserError
from convatlas.layers._groups import check_groups
from convatlas.layers._staged import StagedLayer


class LearnedGroupConv(StagedLayer):
    """A 1x1 convolution whose filters, in groups, come to read fewer and fewer inputs.

    Filter o belongs to group o mod `groups`. It starts dense. During the first half of training, in
    `condensation` - 1 stages, every group gives up the in / `condensation` inputs whose weights in
    that group have the smallest sum of absolute values; different groups may give up different
    inputs. What is left is a group convolution behind a selection of channels.

    Args:
        condensation: C; divides `in_channels`. Each group keeps in / C inputs in the end.

    Raises:
        UserError: if `groups` or `condensation` does not divide its channels.

    Source: Huang et al., CVPR 2018 (arXiv:1711.09224), Sec. 3.1 and 4.1.
    """

    mask: Tensor  # bool [groups, in]: what each group still reads
    stage: Tensor  # int64: how often inputs were given up

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        groups: int,
        condensation: int,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.filter_groups = check_groups(groups, channels=out_channels)
        self.kernel_size, self.stride, self.padding, self.groups = 1, 1, 0, 1  # of the dense form
        self.condensation = check_groups(condensation, channels=in_channels, name="condensation")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.register_buffer("mask", torch.ones(groups, in_channels, dtype=torch.bool))
        self.register_buffer("stage", torch.zeros((), dtype=torch.int64))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """The convolution of what each group reads."""
        return F.conv2d(x, self.dense_weight(), self.bias)

    def dense_weight(self) -> Float[Tensor, "o i 1 1"]:
        """The weight of the equal ordinary convolution: zeros where nothing is read."""
        per_filter = self.mask.repeat(self.out_channels // self.filter_groups, 1)
        return self.weight * per_filter[:, :, None, None]

    def advance(self, progress: float) -> None:
        """Give up inputs when `progress` has passed the end of a condensing stage."""
        last = self.condensation - 1
        due = min(last, int(2 * progress * last))
        while int(self.stage) < due:
            self._give_up()

    @torch.no_grad()
    def _give_up(self) -> None:
        strength = self._by_group(self.weight.abs()).sum(0)
        strength[~self.mask] = float("inf")
        weakest = strength.argsort(dim=1, stable=True)[:, : self.in_channels // self.condensation]
        self.mask.scatter_(1, weakest, False)
        self.stage += 1

    def penalty(self) -> Tensor:
        """The group lasso: root of the sum of squares per group and input, summed up.

        Zero once the last inputs have been given up.
        """
        if int(self.stage) >= self.condensation - 1:
            return self.weight.new_zeros(())
        squares = self._by_group(self.dense_weight().square()).sum(0)
        return squares.clamp(min=1e-6).sqrt().sum()

    def kept(self) -> Tensor:
        """The inputs that each group reads in the end, rising: int64 [groups, in / C].

        Raises:
            UserError: if the layer has not condensed to the end; `advance(1.0)` does it.
        """
        if int(self.stage) < self.condensation - 1:
            raise UserError(
                f"This layer is at stage {int(self.stage)} of {self.condensation - 1}: condense it "
                "to the end first."
            )
        return self.mask.nonzero()[:, 1].view(self.filter_groups, -1)

    def grouped_weight(self) -> Float[Tensor, "o i 1 1"]:
        """The weights that are left, as a group convolution over the `kept` inputs has them.

        Its filters lie group after group; a shuffle brings them into this layer's order.
        """
        kept = self.kept()
        rows = self._by_group(self.weight).transpose(0, 1)
        chosen = kept[:, None, :].expand(-1, rows.shape[1], -1)
        return rows.gather(2, chosen).reshape(self.out_channels, -1, 1, 1)

    def _by_group(self, weight: Tensor) -> Tensor:
        """[filters of a group, groups, in]."""
        return weight.view(-1, self.filter_groups, self.in_channels)

    def extra_repr(self) -> str:
        """For printing the net."""
        return (
            f"{self.in_channels}, {self.out_channels}, groups={self.filter_groups}, "
            f"condensation={self.condensation}"
        )
