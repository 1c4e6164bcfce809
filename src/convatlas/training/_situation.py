"""What a recipe has to know of a net and of a person's images."""

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
    }
    return frozenset(name for name, there in found.items() if there)
