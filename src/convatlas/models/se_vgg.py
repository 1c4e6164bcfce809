"""SE-VGG: configuration D of VGG with batch norm, and gates after every ReLU.

It shows that squeeze and excitation, whose gates weight channels by what the whole image holds,
helps a net without shortcuts as well.

Paper: Hu et al., CVPR 2018 and its longer form (arXiv:1709.01507v4): Sec. 3.3, Table 2.
Departs from the paper: nothing that it states. It adds batch norm after each convolution and does
not say whether the convolutions keep their biases; here they do, as in `vgg_d_bn`. The authors
released no file of this net.
Common elsewhere: no library known to us ships this net.
"""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from convatlas.facts import Fact
from convatlas.facts.papers import HU2018
from convatlas.layers import SqueezeExcite, he_normal, hidden_channels, scale_channels
from convatlas.models._family import Family
from convatlas.models.vgg import VGG, Five, VGGSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SEVGGSpec(VGGSpec):
    """A column of VGG's Table 1, and the gates."""

    depths: Five = (2, 2, 3, 3, 3)
    batch_norm: bool = True
    se_reduction: int = 16  # r


class SEVGG(VGG):
    """A VGG whose activations are weighted."""

    def __init__(self, spec: SEVGGSpec) -> None:
        super().__init__(spec)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for channels, (name, stage) in zip(
            spec.channels, self.stages.named_children(), strict=True
        ):
            width = scale_channels(channels, spec.width_multiplier)
            hidden = hidden_channels(width, spec.se_reduction, spec.width_multiplier)
            stages[name] = _gated(stage, width, hidden)
        self.stages = nn.Sequential(stages)
        self.apply(he_normal)


def _gated(stage: nn.Module, channels: int, hidden: int) -> nn.Sequential:
    """The layers of `stage`, with gates after every ReLU."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in stage.named_children():
        layers[name] = layer
        if isinstance(layer, nn.ReLU):
            layers[name.replace("relu", "gates")] = SqueezeExcite(channels, hidden)
    return nn.Sequential(layers)


FAMILY = Family(
    name="se_vgg",
    title="SE-VGG",
    paper=HU2018,
    build=SEVGG,
    variants={"se_vgg16": SEVGGSpec()},
    facts=(
        Fact(
            "se_vgg16",
            "mult_adds",
            "15.48e9",
            HU2018,
            "Table 2",
            because="counts one operation per element of the gated maps too (15.484e9), for the "
            "squeeze's averages or for the scaling",
        ),
    ),
    widths=(0.25, 0.5, 1.0),
)
