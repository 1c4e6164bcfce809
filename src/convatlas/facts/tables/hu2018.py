"""What the SENet paper says of nets without its blocks."""

from convatlas.facts import Fact
from convatlas.facts.papers import HU2018

_PER_OUTPUT = (
    "with an operation for every output of a batch norm it is {}; the ResNets of the table fit one "
    "for every addition of a shortcut instead"
)
_RESNEXT = (("resnext50_32x4d", "4.24e9", "4.245 G"), ("resnext101_32x4d", "7.99e9", "7.991 G"))

FACTS = (
    Fact("resnet50", "params", "25.6e6", HU2018, "Table 10, original"),
    *(
        Fact(
            variant,
            "mult_adds",
            printed,
            HU2018,
            "Table 2, re-implementation",
            _PER_OUTPUT.format(so),
            open=True,
        )
        for variant, printed, so in _RESNEXT
    ),
    Fact("vgg_d_bn", "mult_adds", "15.47e9", HU2018, "Table 2, re-implementation"),
    Fact("mobilenet_v1", "params", "4.2e6", HU2018, "Table 3"),
    Fact("mobilenet_v1", "mult_adds", "569e6", HU2018, "Table 3"),
    Fact("shufflenet_v1_g3_x1_0", "params", "1.8e6", HU2018, "Table 3"),
    Fact("shufflenet_v1_g3_x1_0", "mult_adds", "140000000", HU2018, "Table 3"),
)
