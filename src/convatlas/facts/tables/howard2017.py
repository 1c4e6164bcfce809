"""What the MobileNet paper says of other nets, and of its own beside them."""

from convatlas.facts import Fact, Quantity
from convatlas.facts.papers import HOWARD2017

_ROWS: tuple[tuple[str, Quantity, str, str, str], ...] = (
    # variant, quantity, printed, place, part
    ("vgg_d", "params", "138e6", "Table 8", ""),
    ("vgg_d", "mult_adds", "15300000000", "Table 8, without the fully connected layers", "stages"),
    ("squeezenet_1_0", "params", "1.25e6", "Table 9", ""),
    ("alexnet", "params", "60e6", "Table 9", ""),
    ("alexnet", "mult_adds", "720000000", "Table 9", ""),
    ("mobilenet_v1", "mult_adds_percent", "94.86", "Table 2", "1x1"),
    ("mobilenet_v1", "mult_adds_percent", "3.06", "Table 2", "depthwise 3x3"),
    ("mobilenet_v1", "mult_adds_percent", "0.18", "Table 2", "linear"),
    ("mobilenet_v1", "weights_percent", "74.59", "Table 2", "1x1"),
    ("mobilenet_v1", "weights_percent", "1.06", "Table 2", "depthwise 3x3"),
    ("mobilenet_v1", "weights_percent", "0.02", "Table 2", "3x3"),
    ("mobilenet_v1", "weights_percent", "24.33", "Table 2", "linear"),
)
_SUM_OF_COLUMN = (
    "the GoogLeNet paper prints a column of parameters that sums to 6.8 M; its layers have 7.0 M"
)
_SWAPPED = "two digits swapped: 1.91, with which the column sums to 100; as printed it sums to 99.3"

FACTS = (
    *(
        Fact(variant, quantity, printed, HOWARD2017, where, part=part)
        for variant, quantity, printed, where, part in _ROWS
    ),
    Fact("mobilenet_v1", "mult_adds_percent", "1.19", HOWARD2017, "Table 2", _SWAPPED, "3x3"),
    Fact("mobilenet_v1_w050", "mult_adds", "76e6", HOWARD2017, "Table 9", input_side=160),
    Fact("mobilenet_v1_w050", "weights", "1.32e6", HOWARD2017, "Table 9"),
    Fact("googlenet", "params", "6.8e6", HOWARD2017, "Table 8", _SUM_OF_COLUMN),
    Fact(
        "squeezenet_1_0_caffe",
        "mult_adds",
        "1700000000",
        HOWARD2017,
        "Table 9",
        convention="doubled",
    ),
)
