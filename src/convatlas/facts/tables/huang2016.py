"""What the paper on stochastic depth says of the sizes of its nets."""

from convatlas.facts import Fact
from convatlas.facts.papers import HUANG2016

FACTS = tuple(
    Fact(variant, "params", "19.4e6", HUANG2016, "Sec. 4")
    for variant in ("resnet1202_cifar", "resnet1202_cifar_stochastic_depth")
)
