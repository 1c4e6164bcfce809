"""What the DenseNet paper says of other nets."""

from convatlas.facts import Fact
from convatlas.facts.papers import HUANG2017

FACTS = (
    Fact("resnet110_cifar", "params", "1.7e6", HUANG2017, "Table 2"),
    Fact("resnet110_cifar_stochastic_depth", "params", "1.7e6", HUANG2017, "Table 2"),
    Fact(
        "resnet1202_cifar_stochastic_depth",
        "params",
        "10.2e6",
        HUANG2017,
        "Table 2",
        "the figure of the pre-activation net of 1001 layers, two rows below; the net's own papers "
        "print 19.4 M",
    ),
    Fact("preresnet164_cifar", "params", "1.7e6", HUANG2017, "Table 2"),
    Fact(
        "preresnet1001_cifar",
        "params",
        "10.2e6",
        HUANG2017,
        "Table 2",
        "leaves out batch norm's scale and shift",
    ),
    Fact("resnet101", "params", "40e6", HUANG2017, "Sec. 4.4", "the text says more than 40 M"),
)
