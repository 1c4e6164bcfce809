"""What the SENet paper says of nets without its blocks."""

from convatlas.facts import Fact
from convatlas.facts.papers import HU2018

_ADDITIONS = "counts one operation per element for the additions of the shortcuts too"

FACTS = (
    Fact("resnet50", "params", "25.6e6", HU2018, "Table 10, original"),
    Fact(
        "resnext50_32x4d", "mult_adds", "4.24e9", HU2018, "Table 2, re-implementation", _ADDITIONS
    ),
    Fact("vgg_d_bn", "mult_adds", "15.47e9", HU2018, "Table 2, re-implementation"),
    Fact("mobilenet_v1", "params", "4.2e6", HU2018, "Table 3"),
    Fact("mobilenet_v1", "mult_adds", "569e6", HU2018, "Table 3"),
    Fact("shufflenet_v1_g3_x1_0", "params", "1.8e6", HU2018, "Table 3"),
    Fact("shufflenet_v1_g3_x1_0", "mult_adds", "140000000", HU2018, "Table 3"),
)
