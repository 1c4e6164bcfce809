"""What the MobileNetV2 paper says of other nets."""

from convatlas.facts import Fact
from convatlas.facts.papers import SANDLER2018

_WHERE = "Table 4"

FACTS = (
    Fact("mobilenet_v1", "params", "4.2e6", SANDLER2018, _WHERE),
    Fact(
        "mobilenet_v1",
        "mult_adds",
        "575e6",
        SANDLER2018,
        _WHERE,
        "the MobileNet paper prints 569, which is the count",
        open=True,
    ),
    Fact("shufflenet_v1_g3_x1_5", "params", "3.4e6", SANDLER2018, _WHERE),
    Fact("shufflenet_v1_g3_x1_5", "mult_adds", "292e6", SANDLER2018, _WHERE),
    Fact("shufflenet_v1_g3_x2_0", "params", "5.4e6", SANDLER2018, _WHERE),
    Fact("shufflenet_v1_g3_x2_0", "mult_adds", "524e6", SANDLER2018, _WHERE),
    Fact("nasnet_a_4_1056", "params", "5.3e6", SANDLER2018, _WHERE),
    Fact("nasnet_a_4_1056", "mult_adds", "564e6", SANDLER2018, _WHERE),
)
