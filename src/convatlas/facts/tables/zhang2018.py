"""What the ShuffleNet paper says of other nets."""

from convatlas.facts import Fact
from convatlas.facts.papers import ZHANG2018

_MULT_ADDS = (
    # variant, printed, place, part
    ("mobilenet_v1", "569e6", "Tables 5 and 8", ""),
    ("mobilenet_v1_w075", "325e6", "Table 5", ""),
    ("mobilenet_v1_w050", "149e6", "Table 5", ""),
    ("mobilenet_v1_w025", "41e6", "Table 5", ""),
    ("vgg_d", "15300000000", "Table 6, without the fully connected layers", "stages"),
    ("googlenet", "1500000000", "Table 6", ""),
)

FACTS = tuple(
    Fact(variant, "mult_adds", printed, ZHANG2018, where, part=part)
    for variant, printed, where, part in _MULT_ADDS
)
