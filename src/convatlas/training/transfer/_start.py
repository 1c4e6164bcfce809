"""The weights that a training starts with, where others have been trained before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from convatlas import models
from convatlas.errors import UserError
from convatlas.models import Spec
from convatlas.training.transfer._donor import Donor
from convatlas.training.transfer._fit import (
    AUXILIARY,
    Misfit,
    built,
    channel_axes,
    check_same_net,
    class_axes,
    for_channels,
    refuse,
)

_GRAFTED_CONVOLUTIONS = 4  # VGG's section 3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Every tensor of the new net, and where it comes from."""

    tensors: Mapping[str, Tensor]
    taken: tuple[str, ...]  # tensors of the donor
    head: str  # what became of the classifier, for people

    @property
    def new(self) -> tuple[str, ...]:
        """Tensors as built, drawn from the run's seed."""
        taken = set(self.taken)
        return tuple(name for name in self.tensors if name not in taken)


def start_from(
    donor: Donor, variant: str, spec: Spec, classes: Sequence[str], *, seed: int
) -> Start:
    """The net of `spec` with all of the donor's weights but those of other classes.

    The layers that give a number per class are made anew unless the donor knows exactly these
    classes; if it lists them in another order, they are put in order.

    Args:
        seed: of the weights that are new.

    Raises:
        UserError: if the donor is another net; the message says which fields or tensors differ.
    """
    family = models.family_of(variant).name
    if donor.info.family != family:
        raise UserError(
            f"{donor.asked!r} holds {donor.info.variant!r}, not {variant!r}. Give --net "
            f"{donor.info.variant}."
        )
    check_same_net(donor.asked, donor.info.spec, variant, spec)
    own = built(family, spec, seed=seed).state_dict()
    found = _offered(donor, family, spec, classes)
    misfits = [
        Misfit(name, tuple(found[name].shape) if name in found else None, tuple(tensor.shape))
        for name, tensor in own.items()
        if not _may_be_new(donor, name, classes, found) and not _fits(found.get(name), tensor)
    ]
    misfits += [
        Misfit(name, tuple(tensor.shape), None)
        for name, tensor in found.items()
        if name not in own and not name.startswith(AUXILIARY)
    ]
    if misfits:
        raise refuse(donor.asked, variant, misfits, (donor.preprocessing.side, spec.input_side))
    return _combined(donor, own, found, classes)


def graft(donor: Donor, variant: str, spec: Spec, classes: Sequence[str], *, seed: int) -> Start:
    """The net of `spec` with the first layers and the classifier of a shallower one.

    Taken is what the donor has up to its fourth convolution, with the norm behind it, and its
    classifier, tensor by tensor where the new net has one of that name and shape.

    Args:
        seed: of the weights that are new.

    Raises:
        UserError: if the donor is of another family or none of its convolutions fits.

    Source: Simonyan and Zisserman 2015, section 3.1.
    """
    family = models.family_of(variant).name
    if donor.info.family != family:
        raise UserError(
            f"{donor.asked!r} holds a net of family {donor.info.family!r}, and {variant!r} is of "
            f"{family!r}. Only nets of one family can be grafted."
        )
    own = built(family, spec, seed=seed).state_dict()
    given = _offered(donor, family, spec, classes)
    wanted = {*_leading(donor), *(name for name in given if name.startswith("classifier."))}
    found = {
        name: tensor
        for name, tensor in given.items()
        if name in wanted and name in own and _fits(tensor, own[name])
    }
    if not any(tensor.ndim == 4 and not name.startswith("classifier.")
               for name, tensor in found.items()):  # fmt: skip
        raise UserError(
            f"None of the first {_GRAFTED_CONVOLUTIONS} convolutions of {donor.asked!r} "
            f"({donor.info.variant}) has the name and shape of one of {variant!r}. "
            "Give a donor of the same width whose first stages are as wide."
        )
    return _combined(donor, own, found, classes)


def _leading(donor: Donor) -> list[str]:
    """Tensors of the donor before its fifth convolution."""
    state = donor.net.state_dict()
    convolutions = [
        name for name, module in donor.net.named_modules() if isinstance(module, torch.nn.Conv2d)
    ]
    names = list(state)
    if len(convolutions) <= _GRAFTED_CONVOLUTIONS:
        return names
    fifth = f"{convolutions[_GRAFTED_CONVOLUTIONS]}."
    return names[: next(i for i, name in enumerate(names) if name.startswith(fifth))]


def _offered(donor: Donor, family: str, spec: Spec, classes: Sequence[str]) -> dict[str, Tensor]:
    """The donor's tensors as the new net could take them: without those of other classes."""
    found = dict(donor.net.state_dict())
    axes = class_axes(family, spec)
    theirs = list(donor.info.classes)
    for name in axes.keys() & found.keys():
        if set(theirs) != set(classes):
            del found[name]
        elif theirs != list(classes):
            order = torch.tensor([theirs.index(label) for label in classes])
            found[name] = found[name].index_select(axes[name], order)
    channels = donor.preprocessing.channels
    if channels != spec.in_channels:
        for name, axis in channel_axes(family, spec, channels).items():
            if name in found and axis == 1 and found[name].shape[1] == channels:
                found[name] = for_channels(found[name], axis, spec.in_channels)
    return found


def _may_be_new(
    donor: Donor, name: str, classes: Sequence[str], found: Mapping[str, Tensor]
) -> bool:
    """What the donor does not offer: of other classes, or of heads that it has not."""
    if name in found:
        return False
    other_classes = set(donor.info.classes) != set(classes) and name in donor.net.state_dict()
    return other_classes or name.startswith(AUXILIARY)


def _fits(tensor: Tensor | None, own: Tensor) -> bool:
    return tensor is not None and tensor.shape == own.shape


def _combined(
    donor: Donor, own: Mapping[str, Tensor], found: Mapping[str, Tensor], classes: Sequence[str]
) -> Start:
    tensors = {
        name: found[name].detach().to(tensor.dtype).clone() if name in found else tensor
        for name, tensor in own.items()
    }
    theirs = donor.info.classes
    same = set(theirs) == set(classes)
    head = (
        f"its classifier is kept: the classes are the same {len(theirs)}"
        if same
        else f"the classifier is new: {len(classes)} classes instead of its {len(theirs)}"
        if len(theirs) != len(classes)
        else f"the classifier is new: its {len(theirs)} classes have other names"
    )
    return Start(tensors=tensors, taken=tuple(name for name in own if name in found), head=head)
