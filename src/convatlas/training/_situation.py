"""What a recipe has to know of a net and of a person's images."""

import torch
from torch import nn

from convatlas import models
from convatlas.analysis import without_weights
from convatlas.data import Material
from convatlas.layers import StagedLayer
from convatlas.models import Spec
from convatlas.training._learner import has_norm
from convatlas.training._named import Requirement, Situation


def situation_of(material: Material, variant: str, spec: Spec) -> Situation:
    """The situation of training a variant's net of this spec on a data set."""
    return Situation(
        variant=variant,
        side=spec.input_side,
        images=len(material.dataset.train),
        classes=len(material.dataset.classes),
        has=abilities(variant, spec),
        augmentation=material.augmentation,
    )


def abilities(variant: str, spec: Spec) -> frozenset[Requirement]:
    """What of the things that recipes may need the net of this spec has."""
    with without_weights():
        net = models.family_of(variant).build(spec)
    found: dict[Requirement, bool] = {
        "auxiliary heads": hasattr(net, "forward_with_aux"),
        "condensing layers": any(isinstance(m, StagedLayer) for m in net.modules()),
        "norms": has_norm(net),
        "any side": takes(net, spec, max(1, spec.input_side * 3 // 5)),
    }
    return frozenset(name for name, there in found.items() if there)


def takes(net: nn.Module, spec: Spec, side: int) -> bool:
    """Whether a net on the meta device, with its heads, takes images of another side."""
    images = torch.empty(2, spec.in_channels, side, side, device="meta")
    try:
        with torch.no_grad():
            getattr(net, "forward_with_aux", net)(images)
    except (RuntimeError, ValueError):
        return False
    return True
