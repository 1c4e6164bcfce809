"""What a recipe has to know of a net and of a person's images."""

from torch import nn

from convatlas import models
from convatlas.analysis import cost, without_weights
from convatlas.data import Material
from convatlas.errors import UserError
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
    """Whether a net takes images of another side; nets with heads are taken not to."""
    if hasattr(net, "forward_with_aux"):
        return False
    try:
        cost(net, (spec.in_channels, side, side))
    except UserError:
        return False
    return True
