"""What the EfficientNet paper says of other nets; its ResNet-50 has the stride in the 3x3."""

from convatlas.facts import Fact, Quantity
from convatlas.facts.papers import TAN2019

_TABLE_2: tuple[tuple[str, Quantity, str], ...] = (
    ("resnet50_v15", "params", "26e6"),
    ("resnet50_v15", "mult_adds", "4.1e9"),
    ("densenet169", "params", "14e6"),
    ("resnet152", "params", "60e6"),
    ("resnet152", "mult_adds", "11e9"),
    ("inception_v3", "params", "24e6"),
    ("inception_v3", "mult_adds", "5.7e9"),
    ("xception", "params", "23e6"),
    ("xception", "mult_adds", "8.4e9"),
    ("inception_resnet_v2_released", "params", "56e6"),
    ("inception_resnet_v2_released", "mult_adds", "13e9"),
    ("nasnet_a_6_4032", "params", "89e6"),
    ("nasnet_a_6_4032", "mult_adds", "24e9"),
)
_TABLE_3 = (
    # variant, side, printed mult-adds
    ("mobilenet_v1", None, "0.6e9"),
    ("mobilenet_v1", 448, "2.2e9"),
    ("mobilenet_v2", None, "0.3e9"),
    ("mobilenet_v2", 448, "1.2e9"),
    ("resnet50_v15", None, "4.1e9"),
    ("resnet50_v15", 448, "16.4e9"),
)
_FROM_NASNET = "from the NASNet paper's 83.6 M, which is 83.46 M"
_OPEN_SOURCE = "from the NASNet paper, which calculated it from an open-source implementation"

FACTS = (
    *(
        Fact(variant, quantity, printed, TAN2019, "Table 2")
        for variant, quantity, printed in _TABLE_2
    ),
    Fact("resnext101_64x4d", "params", "84e6", TAN2019, "Table 2", _FROM_NASNET),
    Fact("resnext101_64x4d", "mult_adds", "32e9", TAN2019, "Table 2", input_side=320),
    Fact("senet154", "params", "146e6", TAN2019, "Table 2", _OPEN_SOURCE),
    Fact("senet154", "mult_adds", "42e9", TAN2019, "Table 2", input_side=320),
    *(
        Fact(variant, "mult_adds", printed, TAN2019, "Table 3", input_side=side)
        for variant, side, printed in _TABLE_3
    ),
)
