"""What the CondenseNet paper says of other nets."""

from convatlas.facts import Fact
from convatlas.facts.papers import HUANG2018

FACTS = (
    Fact(
        "resnet18",
        "mult_adds",
        "1818e6",
        HUANG2018,
        "Table 6",
        "with an operation for every output of a ReLU and every pixel of a pooling window, of the "
        "maximum too, it is 1,818.2 M",
    ),
    Fact("mobilenet_v1", "mult_adds", "569e6", HUANG2018, "Table 6"),
)
