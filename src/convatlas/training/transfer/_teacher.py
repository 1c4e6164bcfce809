"""A teacher that sees a student's images as it was trained to see them."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.bundle import Bundle
from convatlas.data import Preprocessing
from convatlas.errors import UserError

_SHOWN = 5  # classes in a message


class Teacher(nn.Module):
    """A trained net's answers to images that were prepared for another net.

    Mean and std of the other net are put back and its own taken out, colours put in its order, a
    grey image repeated for a net of colours, and the image resized to its side (bilinear,
    antialiased). Its answers are put in the order of the data's classes.

    Args:
        classes: of the data; the teacher must know each.
        images: how they are prepared for the student.

    Raises:
        UserError: if the teacher does not know a class, or knows grey images only.
    """

    order: Tensor  # for each class of the data its number among the teacher's
    channels: Tensor  # for each of the teacher's channels the image's
    scale: Tensor
    shift: Tensor

    def __init__(self, bundle: Bundle, classes: Sequence[str], images: Preprocessing) -> None:
        super().__init__()
        own = bundle.preprocessing
        if (images.channels, own.channels) == (3, 1):
            raise UserError(
                f"The teacher {str(bundle.path)!r} was trained on grey images, the data are in "
                "colour. Give a teacher that was trained on colours."
            )
        self.net = bundle.net
        self.side = own.side
        order = _order(bundle, classes)
        scale, shift, channels = _renormalised(images, own)
        self.register_buffer("order", order)
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)
        self.register_buffer("channels", channels)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of the student's images, one for each class of the data."""
        seen = images.index_select(1, self.channels) * self.scale + self.shift
        if seen.shape[-1] != self.side or seen.shape[-2] != self.side:
            seen = F.interpolate(seen, size=(self.side, self.side), mode="bilinear", antialias=True)
        return self.net(seen).index_select(1, self.order)


def _order(bundle: Bundle, classes: Sequence[str]) -> Tensor:
    """For each class of the data the number that the teacher has for it."""
    theirs = {label: number for number, label in enumerate(bundle.info.classes)}
    unknown = [label for label in classes if label not in theirs]
    if unknown:
        shown, known = (", ".join(map(repr, x[:_SHOWN])) for x in (unknown, bundle.info.classes))
        raise UserError(
            f"The teacher {str(bundle.path)!r} does not know {len(unknown)} of the data's "
            f"{len(classes)} classes: {shown}. It knows {known}, ... Give a teacher of the same "
            "classes, or rename the folders."
        )
    return torch.tensor([theirs[label] for label in classes])


def _renormalised(images: Preprocessing, own: Preprocessing) -> tuple[Tensor, Tensor, Tensor]:
    """`scale`, `shift` and the channels to take, so that (x[channels] * scale + shift) is seen.

    x = (v - m) / s for the student; the teacher sees (v - m') / s' = x s / s' + (m - m') / s'.
    """
    turned = images.channel_order != own.channel_order and images.channels == 3
    channels = [0] * 3 if images.channels < own.channels else list(range(images.channels))
    if turned:
        channels.reverse()
    mean, std = (
        torch.tensor([values[c] for c in channels], dtype=torch.float64)
        for values in (images.mean, images.std)
    )
    own_mean, own_std = (torch.tensor(v, dtype=torch.float64) for v in (own.mean, own.std))
    scale, shift = std / own_std, (mean - own_mean) / own_std
    return (
        scale.float().view(1, -1, 1, 1),
        shift.float().view(1, -1, 1, 1),
        torch.tensor(channels),
    )
