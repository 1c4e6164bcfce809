"""What the IGCV3 paper says of other nets."""

from convatlas.facts import Fact
from convatlas.facts.papers import SUN2018

FACTS = (
    Fact(
        "mobilenet_v2",
        "params",
        "3.4e6",
        SUN2018,
        "ImageNet table",
        "leaves out batch norm's scale and shift: 3.471 M, cut to two digits",
    ),
    Fact("mobilenet_v2", "mult_adds", "300e6", SUN2018, "ImageNet table"),
)
