"""What the NASNet paper says of other nets."""

from convatlas.facts import Fact, Quantity
from convatlas.facts.papers import ZOPH2018

_ADDITIONS = (
    "with one addition for every output of a batch norm it rounds to this; the rows of the NASNets "
    "and of ResNeXt fit the count without"
)
_ROWS: tuple[tuple[str, Quantity, str, str, str], ...] = (
    # variant, quantity, printed, place, because
    ("densenet_40_k12", "params", "1.0e6", "Table 1", ""),
    ("densenet_100_k12", "params", "7.0e6", "Table 1", ""),
    ("densenet_100_k24", "params", "27.2e6", "Table 1", ""),
    ("densenet_bc_190_k40", "params", "25.6e6", "Table 1, where it is called L = 100", ""),
    ("bn_inception", "params", "11.2e6", "Table 2, Inception V2", ""),
    ("bn_inception", "mult_adds", "1.94e9", "Table 2, Inception V2", _ADDITIONS),
    ("inception_v3", "params", "23.8e6", "Table 2", ""),
    ("inception_v3", "mult_adds", "5.72e9", "Table 2", _ADDITIONS),
    ("xception", "params", "22.8e6", "Table 2", ""),
    ("xception", "mult_adds", "8.38e9", "Table 2", _ADDITIONS),
    ("inception_resnet_v2_released", "params", "55.8e6", "Table 2", ""),
    ("inception_resnet_v2_released", "mult_adds", "13.2e9", "Table 2", ""),
    ("googlenet_3x3", "params", "6.6e6", "Table 3, Inception V1", ""),
    ("mobilenet_v1", "params", "4.2e6", "Table 3", ""),
    ("mobilenet_v1", "mult_adds", "569e6", "Table 3", ""),
    ("shufflenet_v1_g3_x2_0", "params", "5e6", "Table 3", ""),
    ("shufflenet_v1_g3_x2_0", "mult_adds", "524e6", "Table 3", ""),
)

_OPEN_SOURCE = (
    "calculated from an open-source implementation, says the caption; the authors' own has 115 M"
)
_THREE_PER_CHANNEL = (
    "with three numbers for a channel of batch norm, as it is without a scale (the shift and two "
    "moving statistics), it is 83.56 M"
)

FACTS = (
    *(
        Fact(variant, quantity, printed, ZOPH2018, where, because)
        for variant, quantity, printed, where, because in _ROWS
    ),
    Fact("resnext101_64x4d", "params", "83.6e6", ZOPH2018, "Table 2", _THREE_PER_CHANNEL),
    Fact("resnext101_64x4d", "mult_adds", "31.5e9", ZOPH2018, "Table 2", input_side=320),
    Fact("senet154", "params", "145.8e6", ZOPH2018, "Table 2", _OPEN_SOURCE),
    Fact("senet154", "mult_adds", "42.3e9", ZOPH2018, "Table 2", _ADDITIONS, input_side=320),
)
